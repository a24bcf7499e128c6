using System.Buffers.Binary;
using System.Collections.Concurrent;
using EpfTest.Kit;
using EpfTest.Kit.Link;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.Unit.Link;

/// <summary>
/// A thread that waits for a completion receives from the link itself: nothing else may suffer from that.
/// </summary>
internal sealed class WaitingReceiverTests : RawLinkFixture
{
    private static readonly Bdf s_requester = new(1, 0, 0);

    [Test]
    public void WhatComesAroundAnAnswerIsReceived()
    {
        const int Reads = 3000;
        var random = new Random(1);
        using var turn = new SemaphoreSlim(0);
        int done = 0;
        Task read = Long(() =>
        {
            while (done < Reads && turn.Wait(Wait.Limit))
            {
                Assert.That(Read(0x1000, out uint value), Is.EqualTo(RequestStatus.Success));
                Assert.That(value, Is.EqualTo(done));
                Volatile.Write(ref done, done + 1);
            }

            return true;
        });
        for (int i = 0; i < Reads; i++)
        {
            turn.Release();
            byte[] answer = Answer(Peer.Receive(RawFrame.Tlp), (uint)i);
            byte[] other = RawFrame.Build(RawFrame.FunctionReset, (ushort)i, []);
            switch (random.Next(5))
            {
                case 0:
                    Peer.Send([.. other, .. answer]);
                    break;
                case 1:
                    Peer.Send([.. answer, .. other]);
                    break;
                case 2:
                    Peer.Send(answer);
                    Peer.Send(other);
                    break;
                case 3:
                    Peer.Send(answer);
                    Wait.Until(() => Volatile.Read(ref done) > i || read.IsCompleted, "the read is done");
                    Peer.Send(other);
                    break;
                default:
                    Peer.Send([.. other, .. answer.AsSpan(0, 13)]);
                    Peer.Send([.. answer.AsSpan(13), .. other.AsSpan(0, 3)]);
                    Peer.Send(other.AsSpan(3));
                    break;
            }

            // Nothing else is asked meanwhile, so that nobody but the link's own thread can receive it.
            Wait.Until(() => Handler.Control.Any(frame => frame.Function.Number == i), "the other frame is received");
            Handler.Control.Clear();
        }

        Wait.For(read);
    }

    /// <summary>Whoever holds something back for the other side learns that its own thread waits for it.</summary>
    [Test]
    public void WaitsAreObservedByTheThreadThatWaits()
    {
        var waits = new ConcurrentQueue<(bool Begins, Thread Thread)>();
        var completer = new MemoryCompleter(new byte[64], 64, 256);
        var settings = new LinkSettings(LinkRole.Endpoint, LinkCapabilities.None)
        {
            OnWait = begins => waits.Enqueue((begins, Thread.CurrentThread)),
        };
        var handler = new TestLinkHandler();
        using LinkPair pair = LinkPair.Open(handler, completer, Logger, Logger, settings: settings);
        completer.Link = pair.Right.Connection;
        TlpRequester requester = pair.Left.Connection.Requester;
        Assert.That(
            requester.WriteMemory(default, s_requester, 0, new byte[4], 256),
            Is.EqualTo(RequestStatus.Success));
        Assert.That(waits, Is.Empty, "a posted write is not awaited");
        Assert.That(requester.ReadMemory(default, s_requester, 0, new byte[4], 256), Is.EqualTo(RequestStatus.Success));
        (bool, Thread)[] expected = [(true, Thread.CurrentThread), (false, Thread.CurrentThread)];
        Assert.That(waits, Is.EqualTo(expected));
        handler.OnControl = (_, _, payload) =>
        {
            pair.Left.Connection.Acknowledge(payload);
            return true;
        };
        Assert.That(pair.Right.Connection.Request(FrameKind.FunctionReset, default, new byte[8]), Is.True);
        Assert.That(waits.Skip(2), Is.EqualTo(expected));
    }

    [Test]
    public void OthersAreServedWhileOneWaits()
    {
        Task<RequestStatus> read = Long(() => Read(0x1000, out _));
        RawFrame request = Peer.Receive(RawFrame.Tlp);
        for (int i = 0; i < 20; i++)
        {
            // The first are there before the one that waits goes to sleep, the last come when it does.
            Task<bool> order = Long(() => Link.Connection.Request(FrameKind.LinkDown, default, new byte[8]));
            RawFrame frame = Peer.Receive(RawFrame.LinkDown);
            Peer.Send(RawFrame.Build(RawFrame.Acknowledge, 0, BitConverter.GetBytes(frame.Token)));
            Assert.That(Wait.For(order), Is.True);

            Task<RequestStatus> second = Long(() => Read(0x2000, out _));
            Peer.Send(Answer(Peer.Receive(RawFrame.Tlp), 2));
            Assert.That(Wait.For(second), Is.EqualTo(RequestStatus.Success));
        }

        Peer.Send(Answer(request, 1));
        Assert.That(Wait.For(read), Is.EqualTo(RequestStatus.Success));
    }

    [Test]
    public void AnswersGoOutWhileOneWaits()
    {
        Handler.OnTlp = (function, header, _) => Link.Connection.Completions.Send(
            function, header, s_requester, CompletionStatus.UnsupportedRequest);
        Task<RequestStatus> read = Long(() => Read(0x1000, out _));
        RawFrame request = Peer.Receive(RawFrame.Tlp);
        for (uint tag = 0; tag < 20; tag++)
        {
            Peer.Send(RawFrame.TlpOf(0, [0x0000_0001, tag << 8 | 0xf, 0x3000]));
            RawFrame completion = Peer.Receive(RawFrame.Tlp);
            Assert.That(completion.Dw(0) >> 24, Is.EqualTo(0x0a), "a completion without data");
            Assert.That(completion.Dw(2) >> 8 & 0xff, Is.EqualTo(tag));
        }

        Peer.Send(Answer(request, 1));
        Assert.That(Wait.For(read), Is.EqualTo(RequestStatus.Success));
    }

    [Test]
    public void FaultEndsTheLinkForAll()
    {
        Task<RequestStatus> read = Long(() => Read(0x1000, out _));
        Peer.Receive(RawFrame.Tlp);
        Peer.Send(RawFrame.TlpOf(0, [0x1f00_0001, 0xf, 0]));
        Assert.That(Wait.For(read), Is.EqualTo(RequestStatus.LinkDown));
        Assert.That(Peer.Receive(RawFrame.Refuse).Text, Does.Contain("malformed TLP"));
        Peer.ExpectHangUp();
        Link.ExpectEnd();
    }

    [Test]
    public void HangUpEndsTheLinkForAll()
    {
        Task<RequestStatus> read = Long(() => Read(0x1000, out _));
        Peer.Receive(RawFrame.Tlp);
        Peer.Dispose();
        Assert.That(Wait.For(read), Is.EqualTo(RequestStatus.LinkDown));
        Link.ExpectEnd();
    }

    [Test]
    public void EndOnOurSideEndsTheWait()
    {
        Task<RequestStatus> read = Long(() => Read(0x1000, out _));
        Peer.Receive(RawFrame.Tlp);
        Link.Dispose();
        Assert.That(Wait.For(read), Is.EqualTo(RequestStatus.LinkDown));
    }

    private static Task<T> Long<T>(Func<T> action) => Task.Factory.StartNew(
        action, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private RequestStatus Read(ulong address, out uint value)
    {
        Span<byte> data = stackalloc byte[sizeof(uint)];
        RequestStatus error = Link.Connection.Requester.ReadMemory(default, s_requester, address, data, 128);
        value = BinaryPrimitives.ReadUInt32LittleEndian(data);
        return error;
    }

    private static byte[] Answer(RawFrame request, uint value) => RawFrame.TlpOf(
        0, [0x4a00_0001, 0x0000_0004, 0x0100_0000 | (request.Dw(1) & 0xff00)], BitConverter.GetBytes(value));
}
