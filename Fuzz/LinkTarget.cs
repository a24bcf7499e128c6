using EpfTest.Protocol.Link;

namespace EpfTest.Fuzz;

/// <summary>One end of the link; the fuzzer is the other.</summary>
internal abstract class LinkTarget : StreamTarget
{
    private readonly byte[] _hello = new byte[FrameHeader.Length + LinkHello.Length];

    /// <summary>The end that is not <paramref name="other"/>.</summary>
    protected LinkTarget(LinkRole other)
    {
        new FrameHeader(LinkHello.Length, FrameKind.Hello, 0).Write(_hello);
        const LinkCapabilities Offered = LinkCapabilities.Direct | LinkCapabilities.Interrupts;
        new LinkHello(LinkHello.OurMajor, LinkHello.OurMinor, other, Offered).Write(
            _hello.AsSpan(FrameHeader.Length));
    }

    protected override int LengthOffset => 0;

    protected override int LengthExcludes => FrameHeader.Length;

    protected override ReadOnlySpan<byte> Greeting => _hello;

    /// <summary>Waits for nobody.</summary>
    protected static LinkTimeouts Timeouts { get; } = new() { Send = Patience, Room = Patience };
}
