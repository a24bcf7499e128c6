using EpfTest.Kit;
using EpfTest.Kit.Link;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.Unit.Link;

/// <summary>What happens to a link whose other side does not answer, or does not read.</summary>
internal sealed class TimeoutTests : RawLinkFixture
{
    private const int MaxReadRequest = 512;
    private static readonly Bdf s_requester = new(1, 0, 0);

    protected override LinkTimeouts Timeouts => new()
    {
        Send = TimeSpan.FromMilliseconds(400),
        Room = TimeSpan.FromMilliseconds(50),
        Acknowledge = TimeSpan.FromMilliseconds(100),
        Completion = TimeSpan.FromMilliseconds(100),
    };

    private TlpRequester Requester => Link.Connection.Requester;

    [Test]
    public void OrderThatIsNotAcknowledgedEndsTheLink()
    {
        Assert.That(Link.Connection.Request(FrameKind.LinkDown, default, new byte[8]), Is.False);
        Link.ExpectEnd();
        Peer.ExpectHangUp();
        Assert.That(Logger.Has("was not acknowledged"), Is.True);
    }

    [Test]
    public void ReadThatIsNotCompletedTimesOut()
    {
        byte[] data = new byte[4];
        Assert.That(
            Requester.ReadMemory(default, s_requester, 0x1000, data, MaxReadRequest),
            Is.EqualTo(RequestStatus.CompletionTimeout));
        Assert.That(Link.Connection.Outstanding.Timeouts, Is.EqualTo(1));
    }

    [Test]
    [Category("Slow")]
    public void TimeLimitIsForAllThatACallerAsks()
    {
        // Each completion comes well within the limit after the one before, all together far beyond it.
        byte[] large = new byte[256 * 128];
        var read = Task.Run(() => Requester.ReadMemory(default, s_requester, 0x10000, large, 128));
        for (int i = 0; i < 256; i++)
        {
            RawFrame request = Peer.Receive(RawFrame.Tlp);
            uint address = request.Dw(2) & 0x7f;
            Peer.Send(RawFrame.TlpOf(
                0, [0x4a00_0020, 0x0000_0080, 0x0100_0000 | (request.Dw(1) & 0xff00) | address], new byte[128]));
            Thread.Sleep(5);
        }

        Assert.That(Wait.For(read), Is.EqualTo(RequestStatus.CompletionTimeout));
    }

    [Test]
    public void LateCompletionTouchesNothingAndGivesBackItsTag()
    {
        byte[] data = new byte[4];
        var tags = new Stack<uint>();

        // All tags that there are, each kept by a read that nobody completes.
        byte[] large = new byte[256 * 128];
        Assert.That(
            Requester.ReadMemory(default, s_requester, 0x10000, large, 128),
            Is.EqualTo(RequestStatus.CompletionTimeout));
        for (int i = 0; i < 256; i++)
        {
            tags.Push(Peer.Receive(RawFrame.Tlp).Dw(1) >> 8 & 0xff);
        }

        Assert.That(tags.Distinct().Count(), Is.EqualTo(256));
        Assert.That(
            Requester.ReadMemory(default, s_requester, 0x1000, data, MaxReadRequest),
            Is.EqualTo(RequestStatus.CompletionTimeout),
            "no tag is left");

        // A completion after all, of the last one: 128 bytes from 0x17f80.
        uint tag = tags.Pop();
        Peer.Send(RawFrame.TlpOf(
            0, [0x4a00_0020, 0x0000_0080, 0x0100_0000 | tag << 8], Enumerable.Repeat((byte)0xee, 128).ToArray()));
        Task<RequestStatus> next =
            Task.Run(() => Requester.ReadMemory(default, s_requester, 0x1000, data, MaxReadRequest));
        RawFrame request = Peer.Receive(RawFrame.Tlp);
        Assert.That(request.Dw(1) >> 8 & 0xff, Is.EqualTo(tag));
        Peer.Send(RawFrame.TlpOf(0, [0x4a00_0001, 0x0000_0004, 0x0100_0000 | tag << 8], [1, 2, 3, 4]));
        Assert.That(Wait.For(next), Is.EqualTo(RequestStatus.Success));
        Assert.That(data, Is.EqualTo(new byte[] { 1, 2, 3, 4 }));
        Assert.That(large, Is.All.Zero);
    }

    [Test]
    public void SenderWhoseFramesAreNotReadGetsAnErrorAndTheLinkEnds()
    {
        byte[] data = new byte[64 << 10];
        RequestStatus error = RequestStatus.Success;
        for (int i = 0; i < 1000 && error == RequestStatus.Success; i++)
        {
            error = Requester.WriteMemory(default, s_requester, 0x1000, data, 256);
        }

        Assert.That(error, Is.EqualTo(RequestStatus.LinkDown));
        Link.ExpectEnd();
    }

    [Test]
    public void DescriptorForAPeerThatDoesNotReadEndsTheLink()
    {
        using var memfd = Memfd.Create(0x1000);
        int sent = 0;
        while (sent < 100_000
            && Link.Connection.SendControl(FrameKind.InboundAdd, default, new byte[32], memfd.Descriptor))
        {
            sent++;
        }

        Assert.That(sent, Is.InRange(1, 99_999));
        Link.ExpectEnd();
    }

    [Test]
    public void ReceivingThreadIsNotKeptByAPeerThatDoesNotRead()
    {
        // Each read makes the receiving thread send more than it received, until the socket is full by far.
        const int Reads = 2000;
        int served = 0;
        byte[] page = new byte[4096];
        Handler.OnTlp = (function, header, _) =>
        {
            Link.Connection.Completions.SendData(function, header, s_requester, page, 64, 4096);
            served++;
        };
        byte[] read = RawFrame.TlpOf(0, [0x0000_0000, 0x0000_05ff, 0x0000_1000]);
        for (int i = 0; i < Reads; i++)
        {
            Assert.That(Peer.Send(read), Is.EqualTo(Errno.None));
        }

        Wait.Until(() => Volatile.Read(ref served) == Reads || Logger.Has("ended"), "all are served");
        Assert.That(served, Is.EqualTo(Reads));
    }

    [Test]
    public void ReceivingThreadThatCannotGetRidOfItsAnswersEndsTheLink()
    {
        byte[] page = new byte[4096];
        Handler.OnTlp = (function, header, _) =>
            Link.Connection.Completions.SendData(function, header, s_requester, page, 64, 4096);
        byte[] read = RawFrame.TlpOf(0, [0x0000_0000, 0x0000_05ff, 0x0000_1000]);
        for (int i = 0; i < 20_000 && Peer.Send(read) == Errno.None; i++)
        {
        }

        Link.ExpectEnd();
    }
}
