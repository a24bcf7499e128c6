namespace EpfTest.Kit;

/// <summary>The controller's registers as its driver reaches them, by their offsets.</summary>
internal interface IEpRegisters
{
    uint this[int register] { get; set; }

    void Set64(int register, ulong value);
}
