using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Memory;

namespace EpfTest.EpfBridge;

/// <summary>For memory that comes as a descriptor or not at all.</summary>
internal sealed class NoMessages : IDmaMessenger
{
    public static readonly NoMessages Instance = new();

    public Errno DmaRead(ulong address, Span<byte> destination) => Errno.EFAULT;

    public Errno DmaWrite(ulong address, ReadOnlySpan<byte> source) => Errno.EFAULT;
}
