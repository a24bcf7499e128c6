namespace EpfTest.Protocol.VfioUser;

/// <summary><c>VFIO_IRQ_SET_*</c> of Linux <c>include/uapi/linux/vfio.h</c>.</summary>
[Flags]
internal enum IrqSetFlags : uint
{
    None = 0,
    DataNone = 1 << 0,
    DataBool = 1 << 1,
    DataEventFd = 1 << 2,
    DataMask = DataNone | DataBool | DataEventFd,
    ActionMask = 1 << 3,
    ActionUnmask = 1 << 4,
    ActionTrigger = 1 << 5,
    ActionsMask = ActionMask | ActionUnmask | ActionTrigger,
}
