using System.Buffers.Binary;
using EpfTest.Kit;
using EpfTest.Kit.Link;
using EpfTest.Protocol.Link;
using Microsoft.Extensions.Logging.Abstractions;

namespace EpfTest.Unit.Link;

/// <summary>Frames arrive in the order in which they were given, also through a socket that is full.</summary>
internal sealed class FrameSenderTests
{
    private const int Frames = 4000;
    private const ushort Plain = 1;
    private const ushort WithDescriptor = 2;

    [Test]
    public void OrderIsKeptWhileTheSocketIsFull()
    {
        (MemoryTransport ours, MemoryTransport theirs) = MemoryTransport.CreatePair();
        using MemoryTransport left = ours;
        using var peer = new RawLinkPeer(theirs);
        using FrameSender sender = SenderOn(left);
        using var memfd = Memfd.Create(0x1000);
        var send = Task.Factory.StartNew(
            () =>
            {
                var random = new Random(1);
                for (uint i = 0; i < Frames; i++)
                {
                    // Some by the receiving thread's way, which never waits.
                    byte[] payload = new byte[random.Next(4, 4000)];
                    BinaryPrimitives.WriteUInt32LittleEndian(payload, i);
                    bool sent = i % 50 == 0
                        ? sender.Send(RawFrame.Build(WithDescriptor, 0, payload), memfd.Descriptor)
                        : sender.Send(RawFrame.Build(Plain, 0, payload), mayWait: i % 3 != 0);
                    Assert.That(sent, Is.True);
                }
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        for (uint i = 0; i < Frames; i++)
        {
            RawFrame frame = peer.Receive();
            Assert.That(frame.Token, Is.EqualTo(i));
            Assert.That(frame.Kind, Is.EqualTo(i % 50 == 0 ? WithDescriptor : Plain));
            Assert.That(frame.Descriptors, Has.Count.EqualTo(i % 50 == 0 ? 1 : 0));
            frame.Descriptors.ToList().ForEach(descriptor => descriptor.Dispose());
        }

        Wait.For(send);
        left.Shutdown();
    }

    [Test]
    public void EachThreadsOrderIsKept()
    {
        const int Threads = 4;
        (MemoryTransport ours, MemoryTransport theirs) = MemoryTransport.CreatePair();
        using MemoryTransport left = ours;
        using var peer = new RawLinkPeer(theirs);
        using FrameSender sender = SenderOn(left);
        Task[] sends = [.. Enumerable.Range(0, Threads).Select(thread => Task.Factory.StartNew(
            () =>
            {
                byte[] payload = new byte[1000];
                for (uint i = 0; i < Frames / Threads; i++)
                {
                    BinaryPrimitives.WriteUInt32LittleEndian(payload, i);
                    Assert.That(sender.Send(RawFrame.Build((ushort)thread, 0, payload), mayWait: true), Is.True);
                }
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default))];
        uint[] next = new uint[Threads];
        for (int i = 0; i < Frames; i++)
        {
            RawFrame frame = peer.Receive();
            Assert.That(frame.Token, Is.EqualTo(next[frame.Kind]++));
        }

        Wait.For(Task.WhenAll(sends));
        left.Shutdown();
    }

    private static FrameSender SenderOn(MemoryTransport transport) => new(
        transport, new LinkTimeouts { Send = Wait.Limit, Room = Wait.Limit }, new TlpTrace(NullLogger.Instance));
}
