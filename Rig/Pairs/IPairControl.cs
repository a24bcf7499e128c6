namespace EpfTest.Rig.Pairs;

/// <summary>What scripts may ask of a run.</summary>
internal interface IPairControl
{
    IReadOnlyList<PairGuest> Guests { get; }

    /// <summary>The process of that name, or null.</summary>
    DeviceProcess? ProcessOf(string name);

    /// <summary>Kills a guest's QEMU and starts it again.</summary>
    void Restart(PairGuest guest);
}
