using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.Protocol.Link;

/// <summary>What a side does with what arrives. Called by the link's receiving thread, which must not be kept waiting:
/// what it does not read, the other side cannot send.</summary>
internal interface ILinkHandler
{
    /// <summary>A request or message; completions never come here.</summary>
    void HandleTlp(ushort function, in TlpHeader header, ReadOnlySpan<byte> payload);

    /// <summary>A control frame.</summary>
    /// <param name="kind">Which; one that is not known is to be ignored.</param>
    /// <param name="function">The function that it is about.</param>
    /// <param name="payload">Its payload.</param>
    /// <param name="descriptor">The descriptor that came with it, owned by the handler, or null.</param>
    /// <returns>False if the frame is malformed: the link then ends.</returns>
    bool HandleControl(FrameKind kind, ushort function, ReadOnlySpan<byte> payload, FileDescriptor? descriptor);
}
