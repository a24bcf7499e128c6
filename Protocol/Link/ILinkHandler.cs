using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.Protocol.Link;

/// <summary>
/// Handles received frames. Called by the receiving thread, which must not wait: the other side cannot send what this
/// thread does not receive.
/// </summary>
internal interface ILinkHandler
{
    /// <summary>Handles a request or message; completions go to their requests.</summary>
    void HandleTlp(FunctionId function, in TlpHeader header, ReadOnlySpan<byte> payload);

    /// <summary>Handles a control frame, and ignores one of an unknown kind.</summary>
    /// <param name="descriptor">The descriptor of the frame, owned by the handler, or null.</param>
    /// <returns>False if the frame is malformed: the link then ends.</returns>
    bool HandleControl(FrameKind kind, FunctionId function, ReadOnlySpan<byte> payload, FileDescriptor? descriptor);
}
