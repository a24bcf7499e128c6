using EpfTest.Kit;
using EpfTest.Kit.Link;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Pcie;

namespace EpfTest.Unit.Link;

/// <summary>What a link does with frames, whole, broken and unknown.</summary>
[NonParallelizable]
internal sealed class LinkConnectionTests : RawLinkFixture
{
    private static readonly byte[] s_senseless = new byte[3];

    // The first bytes of a TLP and what is wrong with it.
    private static IEnumerable<TestCaseData> MalformedTlps =>
    [
        new TestCaseData(Array.Empty<uint>(), 0).SetArgDisplayNames("no header"),
        new TestCaseData(new uint[] { 0x0000_0001u, 0x000f }, 0).SetArgDisplayNames("truncated header"),
        new TestCaseData(new uint[] { 0x2000_0001u, 0x000f, 1u }, 0).SetArgDisplayNames("truncated 4DW header"),
        new TestCaseData(new uint[] { 0x4000_0002u, 0x00ff, 0u }, 4).SetArgDisplayNames("payload too short"),
        new TestCaseData(new uint[] { 0x4000_0001u, 0x000f, 0u }, 8).SetArgDisplayNames("payload too long"),
        new TestCaseData(new uint[] { 0x0000_0001u, 0x000f, 0u }, 4).SetArgDisplayNames("payload after a read"),
        new TestCaseData(new uint[] { 0x1f00_0001u, 0x000f, 0u }, 0).SetArgDisplayNames("undefined type"),
        new TestCaseData(new uint[] { 0x0000_0002u, 0x00ff, 0x0ffcu }, 0).SetArgDisplayNames("4 KiB crossed"),
    ];

    [Test]
    public void UnknownKindsAreIgnored()
    {
        using var memfd = Memfd.Create(0x1000);
        int before = OpenDescriptors.Count();
        foreach (ushort kind in new ushort[] { 0, 5, 15, 22, 40, 1000, ushort.MaxValue })
        {
            Assert.That(Enum.IsDefined((FrameKind)kind), Is.False);
            Peer.Send(RawFrame.Build(kind, 9, new byte[kind % 4100]), memfd.Descriptor);
        }

        Wait.Until(() => Handler.Control.Count == 7, "all are handed on");
        Assert.That(Handler.Control.Select(frame => frame.HasDescriptor), Is.All.True);
        OpenDescriptors.WaitUntilBackTo(before);
        ExpectOrdersAreServed();
    }

    [Test]
    public void FramesMayComeInAnyPieces()
    {
        byte[] frames = [.. Enumerable.Range(0, 40).SelectMany(i =>
            RawFrame.Order(RawFrame.FunctionReset, (ushort)i, (uint)i, 0))];
        var random = new Random(1);
        for (int done = 0; done < frames.Length;)
        {
            int length = Math.Min(random.Next(1, 30), frames.Length - done);
            Peer.Send(frames.AsSpan(done, length));
            done += length;
        }

        Wait.Until(() => Handler.Control.Count == 40, "all are handled");
        Assert.That(Handler.Control.Select(frame => (int)frame.Function.Number), Is.EqualTo(Enumerable.Range(0, 40)));
    }

    [Test]
    public void LargestFrameIsTaken()
    {
        byte[]? came = null;
        Handler.OnTlp = (_, _, payload) => came = payload;
        byte[] data = [.. Enumerable.Range(0, 4096).Select(i => (byte)(i * 7))];
        Peer.Send(RawFrame.TlpOf(0, [0x6000_0000, 0x00ff, 1, 0], data));
        Wait.Until(() => came is not null, "it is handled");
        Assert.That(came, Is.EqualTo(data));
    }

    [TestCase(4113u)]
    [TestCase(0x8000_0000u)]
    [TestCase(uint.MaxValue)]
    public void LongerFrameEndsTheLink(uint length)
    {
        Peer.Send(RawFrame.Build(RawFrame.Tlp, 0, [], length));
        ExpectRefusal($"malformed frame: {length} bytes announced");
    }

    [TestCaseSource(nameof(MalformedTlps))]
    public void MalformedTlpEndsTheLink(uint[] header, int payload)
    {
        Peer.Send(RawFrame.TlpOf(0, header, new byte[payload]));
        ExpectRefusal("malformed TLP");
    }

    [Test]
    public void MalformedAcknowledgementEndsTheLink()
    {
        Peer.Send(RawFrame.Build(RawFrame.Acknowledge, 0, s_senseless));
        ExpectRefusal("malformed");
    }

    [Test]
    public void WhatTheHandlerFindsMalformedEndsTheLink()
    {
        Handler.OnControl = (_, _, _) => false;
        Peer.Send(RawFrame.Build(RawFrame.MemoryAdd, 0, s_senseless));
        ExpectRefusal("malformed MemoryAdd frame (3 bytes)");
    }

    [Test]
    public void HandlerThatRunsOutOfDescriptorsEndsTheLink()
    {
        Handler.OnControl = (_, _, _) => throw new LinuxException("duplicate a descriptor", Errno.ENOMEM);
        Peer.Send(RawFrame.Build(RawFrame.MemoryAdd, 0, s_senseless));
        ExpectRefusal("duplicate a descriptor");
    }

    [Test]
    public void UnknownAcknowledgementIsIgnored()
    {
        Peer.Send(RawFrame.Build(RawFrame.Acknowledge, 0, [1, 2, 3, 4]));
        ExpectOrdersAreServed();
    }

    [Test]
    public void ControlFramesAreSentAsTheyAre()
    {
        using var memfd = Memfd.Create(0x1000);
        Assert.That(
            Link.Connection.SendControl(FrameKind.InboundAdd, FunctionId.FromNumber(7), [1, 2, 3], memfd.Descriptor),
            Is.True);
        Assert.That(Link.Connection.SendControl(FrameKind.BarAddress, FunctionId.FromNumber(0x102), []), Is.True);
        RawFrame first = Peer.Receive();
        RawFrame second = Peer.Receive();
        Assert.That((first.Kind, first.Function), Is.EqualTo((RawFrame.InboundAdd, (ushort)7)));
        Assert.That(first.Payload, Is.EqualTo(new byte[] { 1, 2, 3 }));
        Assert.That(first.Descriptors, Has.Count.EqualTo(1));
        Assert.That((second.Kind, second.Function), Is.EqualTo((RawFrame.BarAddress, (ushort)0x102)));
        Assert.That(second.Descriptors, Is.Empty);
    }

    [Test]
    public void OrderReturnsOnceItIsAcknowledged()
    {
        Task<bool> order = Task.Run(() => Order(RawFrame.LinkDown));
        RawFrame frame = Peer.Receive(RawFrame.LinkDown);
        Assert.That(frame.Payload, Has.Length.EqualTo(8));
        Peer.Send(RawFrame.Build(RawFrame.Acknowledge, 0, BitConverter.GetBytes(frame.Token + 1)));
        Assert.That(order.IsCompleted, Is.False, "another's acknowledgement is not its own");
        Peer.Send(RawFrame.Build(RawFrame.Acknowledge, 0, BitConverter.GetBytes(frame.Token)));
        Assert.That(Wait.For(order), Is.True);
    }

    [Test]
    public void ManyOrdersAtOnceEachHaveTheirAcknowledgement()
    {
        Task<bool>[] orders = [.. Enumerable.Range(0, 8).Select(_ => Task.Factory.StartNew(
            () => Enumerable.Range(0, 50).All(_ => Order(RawFrame.InboundInvalidate)),
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default))];
        var tokens = new HashSet<uint>();
        for (int i = 0; i < 8 * 50; i++)
        {
            RawFrame frame = Peer.Receive(RawFrame.InboundInvalidate);
            Assert.That(tokens.Add(frame.Token), Is.True, "a token is used once");
            Peer.Send(RawFrame.Build(RawFrame.Acknowledge, 0, BitConverter.GetBytes(frame.Token)));
        }

        Assert.That(orders.Select(Wait.For), Is.All.True);
    }

    [Test]
    public void EndOfTheLinkWakesWhoeverWaits()
    {
        Task<bool> order = Task.Run(() => Order(RawFrame.LinkDown));
        Peer.Receive(RawFrame.LinkDown);
        Peer.Dispose();
        Assert.That(Wait.For(order), Is.False);
        Link.ExpectEnd();
        Assert.That(Order(RawFrame.LinkUp), Is.False);
        Assert.That(Link.Connection.SendControl(FrameKind.LinkUp, default, []), Is.False);
    }

    [Test]
    public void ReceivingThreadRefusesToWaitForItself()
    {
        Exception? thrown = null;
        Handler.OnControl = (_, _, _) =>
        {
            thrown = Assert.Catch(() => Order(RawFrame.LinkDown));
            return true;
        };
        Peer.Send(RawFrame.Build(RawFrame.LinkUp, 0, []));
        Wait.Until(() => thrown is not null, "it is refused");
        Assert.That(thrown, Is.InstanceOf<InvalidOperationException>());
    }

    private bool Order(ushort kind) => Link.Connection.Request((FrameKind)kind, default, new byte[8]);

    private void ExpectOrdersAreServed()
    {
        Task<bool> order = Task.Run(() => Order(RawFrame.LinkUp));
        RawFrame frame = Peer.Receive(RawFrame.LinkUp);
        Peer.Send(RawFrame.Build(RawFrame.Acknowledge, 0, BitConverter.GetBytes(frame.Token)));
        Assert.That(Wait.For(order), Is.True, "the link is up");
    }

    private void ExpectRefusal(string reason)
    {
        Assert.That(Peer.Receive(RawFrame.Refuse).Text, Does.Contain(reason));
        Peer.ExpectHangUp();
        Link.ExpectEnd();
        Assert.That(Logger.Has(reason), Is.True);
    }
}
