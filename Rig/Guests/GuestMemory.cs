namespace EpfTest.Rig.Guests;

/// <summary>A guest's memory.</summary>
internal enum GuestMemory
{
    /// <summary>QEMU shares it with vfio-user servers.</summary>
    Shared,
    /// <summary>The same, in huge pages.</summary>
    Huge,
    /// <summary>QEMU does not share it: each access is a message to QEMU.</summary>
    Private,
}
