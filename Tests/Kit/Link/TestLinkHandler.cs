using System.Collections.Concurrent;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.Kit.Link;

/// <summary>Records control frames and hands TLPs to a test, on the receiving thread.</summary>
internal sealed class TestLinkHandler : ILinkHandler
{
    public delegate void TlpAction(FunctionId function, TlpHeader header, byte[] payload);

    public delegate bool ControlAction(FrameKind kind, FunctionId function, byte[] payload);

    public ConcurrentQueue<(FrameKind Kind, FunctionId Function, byte[] Payload, bool HasDescriptor)> Control { get; } =
        new();

    public TlpAction? OnTlp { get; set; }

    public ControlAction? OnControl { get; set; }

    public void HandleTlp(FunctionId function, in TlpHeader header, ReadOnlySpan<byte> payload) =>
        OnTlp?.Invoke(function, header, payload.ToArray());

    public bool HandleControl(
        FrameKind kind, FunctionId function, ReadOnlySpan<byte> payload, FileDescriptor? descriptor)
    {
        byte[] copy = payload.ToArray();
        using (descriptor)
        {
            Control.Enqueue((kind, function, copy, descriptor is not null));
        }

        return OnControl?.Invoke(kind, function, copy) ?? true;
    }
}
