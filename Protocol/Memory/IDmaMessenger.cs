using EpfTest.Protocol.Linux;

namespace EpfTest.Protocol.Memory;

/// <summary>Reaches private guest memory by asking the guest's QEMU.</summary>
internal interface IDmaMessenger
{
    /// <summary>Reads or writes at a bus address of the guest, and waits for its QEMU.</summary>
    Errno Access(MemoryAccess access);
}
