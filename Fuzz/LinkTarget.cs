using EpfTest.Kit.Link;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Link.Transport;
using EpfTest.Protocol.Linux;

namespace EpfTest.Fuzz;

/// <summary>One end of the link; the fuzzer is the other.</summary>
internal abstract class LinkTarget : StreamTarget
{
    private readonly byte[] _hello = new byte[FrameHeader.Length + LinkHello.Length];

    /// <summary>The end that is not <paramref name="other"/>.</summary>
    protected LinkTarget(LinkRole other)
    {
        new FrameHeader(LinkHello.Length, FrameKind.Hello, default).Encode(_hello);
        new LinkHello(LinkHello.OurMajor, LinkHello.OurMinor, other, Capabilities).Encode(
            _hello.AsSpan(FrameHeader.Length));
    }

    /// <summary>What both sides offer.</summary>
    protected static LinkCapabilities Capabilities => LinkCapabilities.Direct | LinkCapabilities.Interrupts;

    protected override int LengthOffset => 0;

    protected override int LengthExcludes => FrameHeader.Length;

    protected override ReadOnlySpan<byte> Greeting => _hello;

    /// <summary>Waits for nobody.</summary>
    protected static LinkTimeouts Timeouts { get; } = new() { Send = Patience, Room = Patience };

    /// <summary>Serves the peer until it has hung up.</summary>
    protected abstract void Serve(IFrameTransport transport);

    protected sealed override void Run(ReadOnlySpan<byte> input)
    {
        (MemoryTransport ours, MemoryTransport theirs) = MemoryTransport.CreatePair();
        using MemoryTransport peer = theirs;
        Send((bytes, descriptors) => peer.TrySend(bytes, descriptors, out _) == Errno.None, input);
        peer.EndSending();
        Serve(ours);
        ours.Dispose();
        ExpectNothingLeft();
    }
}
