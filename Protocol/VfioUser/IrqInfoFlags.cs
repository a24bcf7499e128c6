namespace EpfTest.Protocol.VfioUser;

/// <summary><c>VFIO_IRQ_INFO_*</c> of Linux <c>include/uapi/linux/vfio.h</c>.</summary>
[Flags]
internal enum IrqInfoFlags : uint
{
    None = 0,
    EventFd = 1 << 0,
    Maskable = 1 << 1,
    AutoMasked = 1 << 2,
}
