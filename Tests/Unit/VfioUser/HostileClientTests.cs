using EpfTest.Kit;
using EpfTest.Kit.VfioUser;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.VfioUser;

namespace EpfTest.Unit.VfioUser;

/// <summary>Clients that pass what is not what they say, or ask without end: nothing of theirs stays, and the next is
/// served.</summary>
[NonParallelizable]
internal sealed class HostileClientTests : ServerFixture
{
    private const ulong Page = 4096;

    [TestCaseSource(typeof(OddDescriptors), nameof(OddDescriptors.Files))]
    public void FileThatDoesNotHoldWritableMemoryIsRefused(string what)
    {
        int before = OpenDescriptors.Count();
        using (RawVfioUserClient client = ConnectOnce())
        using (FileDescriptor descriptor = OddDescriptors.Open(what))
        {
            Assert.That(
                client.Try(RawCommand.DmaMap, RawPayload.DmaMap(0, Page), descriptor), Is.EqualTo(Errno.EINVAL));
        }

        ExpectService(before);
    }

    [Test]
    public void NameOfAFileCannotBeReadFrom()
    {
        using RawVfioUserClient client = ConnectOnce();
        using FileDescriptor descriptor = OddDescriptors.Open("the name of memory");
        byte[] map = RawPayload.DmaMap(0, Page, flags: RawPayload.Readable);
        Assert.That(client.Try(RawCommand.DmaMap, map, descriptor), Is.EqualTo(Errno.None).Or.EqualTo(Errno.EINVAL));
        Assert.That(Server.Memory.Read(0, new byte[8]), Is.EqualTo(Errno.EBADF).Or.EqualTo(Errno.EFAULT));
    }

    [TestCaseSource(typeof(OddDescriptors), nameof(OddDescriptors.Others))]
    public void WhatIsNoFileCountsAsNotShared(string what)
    {
        int before = OpenDescriptors.Count();
        using (RawVfioUserClient client = ConnectOnce())
        using (FileDescriptor descriptor = OddDescriptors.Open(what))
        {
            Assert.That(client.Try(RawCommand.DmaMap, RawPayload.DmaMap(0, Page), descriptor), Is.EqualTo(Errno.None));
            Assert.That(Server.Memory.Ranges.Find(0)?.Backing, Is.EqualTo(DmaBacking.Messages));
        }

        ExpectService(before);
    }

    [TestCaseSource(typeof(OddDescriptors), nameof(OddDescriptors.All))]
    public void OnlyAnEventFdIsTakenForAnInterrupt(string what)
    {
        bool isRight = what == "an eventfd";
        Errno expected = isRight ? Errno.None : Errno.EINVAL;

        // The server's own, with which it watches eventfds from the first one on: an epoll descriptor and an eventfd.
        int before = OpenDescriptors.Count() + (isRight ? 2 : 0);
        for (int i = 0; i < 2; i++)
        {
            using RawVfioUserClient client = ConnectOnce();
            using FileDescriptor descriptor = OddDescriptors.Open(what);
            foreach ((uint index, uint action) in new[]
            {
                (RawIrq.Msix, RawIrq.Trigger),
                (RawIrq.Intx, RawIrq.Trigger),
                (RawIrq.Intx, RawIrq.Unmask),
                (RawIrq.Msix, RawIrq.Mask),
            })
            {
                byte[] set = RawPayload.IrqSet(index, RawIrq.EventFd | action, 0, 1);
                Assert.That(client.Try(RawCommand.SetIrqs, set, descriptor), Is.EqualTo(expected), $"{index} {action}");
            }
        }

        ExpectService(before);
    }

    [TestCase(17)]
    [TestCase(UnixSocket.MaxDescriptors)]
    public void FloodOfDescriptorsIsClosed(int count)
    {
        int before = OpenDescriptors.Count();
        using (RawVfioUserClient client = ConnectOnce())
        using (var memory = Memfd.Create((long)Page))
        {
            FileDescriptor[] many = [.. Enumerable.Repeat(memory.Descriptor, count)];
            for (ushort i = 0; i < 20; i++)
            {
                byte[] map = RawMessage.Build(
                    i, RawCommand.DmaMap, RawPayload.DmaMap(i * Page, Page), RawMessage.NoReplyFlag);
                client.Send(map, many);
            }
        }

        ExpectService(before);
    }

    [Test]
    public void ReplyThatNobodyAskedForIsRefusedAndTheConnectionGoesOn()
    {
        using RawVfioUserClient client = ConnectOnce();
        for (ushort i = 0; i < 100; i++)
        {
            client.Send(RawMessage.Build(i, RawCommand.DmaRead, new byte[32], RawMessage.ReplyFlag));
            Assert.That(client.Receive().Error, Is.EqualTo(Errno.EINVAL));
        }

        Assert.That(client.ReadRegion(TestDevice.Small, 0, 4), Has.Length.EqualTo(4));
    }

    [Test]
    public void RegionThatCannotBeWrittenIsNot()
    {
        using RawVfioUserClient client = ConnectOnce();
        Assert.That(client.ReadRegion(TestDevice.ReadOnlyInfo, 0, 4), Has.Length.EqualTo(4));
        byte[] write = RawPayload.RegionAccess(TestDevice.ReadOnlyInfo, 0, 4, new byte[4]);
        Assert.That(client.Try(RawCommand.RegionWrite, write), Is.EqualTo(Errno.EINVAL));
        Assert.That(Device.Calls, Has.None.StartsWith("write"));
    }

    [Test]
    public void NoDescriptorIsSentToAClientThatTakesNone()
    {
        using RawVfioUserClient client = RawVfioUserClient.Connect(SocketPath);
        client.Negotiate("""{"capabilities":{"max_msg_fds":0}}""");
        RawMessage reply = client.Call(RawCommand.GetRegionInfo, RawPayload.RegionInfo(TestDevice.Mappable, 4096));
        Assert.That((reply.Error, reply.Descriptors.Count, reply.Payload.Length), Is.EqualTo((Errno.None, 0, 32)));
    }

    [TestCase(0, TestName = "{m}(nothing at all)")]
    [TestCase(4096, TestName = "{m}(now and then a page)")]
    public void ClientThatDoesNotReadIsLeft(int bite)
    {
        const int Replies = 8;
        const int ReplySize = 1 << 20;
        string path = SocketPath + ".slow";
        var options = new VfioUserServerOptions { SendTimeout = TimeSpan.FromMilliseconds(200) };
        using var device = new TestDevice();
        using var server = new VfioUserServer(
            device, path, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance, options);
        using (var slow = UnixSocket.Connect(path))
        {
            slow.SetReceiveTimeout(Wait.Limit);
            slow.Send(RawMessage.Build(1, RawCommand.Version, RawPayload.Version(0, 0, "{}")));
            for (ushort i = 0; i < Replies; i++)
            {
                slow.Send(RawMessage.Build(
                    i, RawCommand.RegionRead, RawPayload.RegionAccess(TestDevice.Large, 0, ReplySize)));
            }

            // The next one is served, so this one has been left.
            Task<RawVfioUserClient> next = Task.Run(() =>
            {
                var client = RawVfioUserClient.Connect(path);
                client.Negotiate();
                return client;
            });
            byte[] buffer = new byte[Math.Max(bite, 1)];
            int taken = 0;
            while (!next.IsCompleted && taken < Replies * ReplySize)
            {
                if (bite > 0
                    && slow.Receive(buffer, new int[UnixSocket.MaxDescriptors], out _, out int received) == Errno.None)
                {
                    taken += received;
                }

                // How slow it is, not what is waited for.
                Thread.Sleep(10);
            }

            using RawVfioUserClient served = Wait.For(next);
            Assert.That(served.ReadRegion(TestDevice.Small, 0, 4), Has.Length.EqualTo(4));
        }
    }

    private RawVfioUserClient ConnectOnce()
    {
        var client = RawVfioUserClient.Connect(SocketPath);
        Assert.That(client.Negotiate().Error, Is.EqualTo(Errno.None));
        return client;
    }

    private void ExpectService(int descriptors)
    {
        using (RawVfioUserClient client = ConnectOnce())
        {
            Assert.That(client.ReadRegion(TestDevice.Small, 0, 4), Has.Length.EqualTo(4));
        }

        Wait.Until(() => Server.Memory.Count == 0, "the memory has gone with its client");
        OpenDescriptors.WaitUntilBackTo(descriptors);
    }
}
