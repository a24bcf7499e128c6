namespace EpfTest.EpcDevice.Registers;

/// <summary>The registers at the start of BAR0 (<c>docs/registers.md</c>, "Global").</summary>
internal sealed class GlobalRegisters : IRegisterBlock
{
    private const int MajorShift = 16;

    private uint _scratch;

    /// <inheritdoc/>
    public uint Read(int offset) => offset switch
    {
        EpcRegister.Id => EpcRegister.IdValue,
        EpcRegister.Version => (EpcRegister.VersionMajorValue << MajorShift) | EpcRegister.VersionMinorValue,
        EpcRegister.FeaturesLo => 0,
        EpcRegister.FeaturesHi => 0,
        EpcRegister.Scratch => _scratch,
        _ => 0,
    };

    /// <inheritdoc/>
    public void Write(int offset, uint value)
    {
        if (offset == EpcRegister.Scratch)
        {
            _scratch = value;
        }
    }

    /// <summary>Puts every register to its reset value.</summary>
    public void Reset() => _scratch = 0;
}
