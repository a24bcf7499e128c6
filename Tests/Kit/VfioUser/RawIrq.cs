namespace EpfTest.Kit.VfioUser;

/// <summary>Indices and flags of VFIO_USER_DEVICE_SET_IRQS, as the specification and Linux number them.</summary>
internal static class RawIrq
{
    public const uint Intx = 0;
    public const uint Msi = 1;
    public const uint Msix = 2;
    public const uint Err = 3;
    public const uint Req = 4;

    public const uint None = 1 << 0;
    public const uint Bool = 1 << 1;
    public const uint EventFd = 1 << 2;
    public const uint Mask = 1 << 3;
    public const uint Unmask = 1 << 4;
    public const uint Trigger = 1 << 5;
}
