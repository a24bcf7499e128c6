using EpfTest.Kit;
using EpfTest.Kit.VfioUser;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.VfioUser;

namespace EpfTest.Unit.VfioUser;

/// <summary>Headers, how messages follow each other, and what belongs to no command in particular.</summary>
[NonParallelizable]
internal sealed class MessageStreamTests : ConnectedFixture
{
    private static readonly byte[] s_read = RawPayload.RegionAccess(TestDevice.Small, 0, 4);

    [TestCase(0u)]
    [TestCase(15u)]
    [TestCase((1u << 20) + 33)]
    [TestCase(0x80000000)]
    [TestCase(uint.MaxValue)]
    public void ImpossibleSizeIsAnsweredAndEndsTheConnection(uint size)
    {
        Client.Send(RawMessage.Build(0xbad1, RawCommand.SetIrqs, [], size: size));
        RawMessage reply = Client.Receive();
        Assert.That((reply.Id, reply.Command), Is.EqualTo((0xbad1, RawCommand.SetIrqs)));
        Assert.That(
            (reply.Flags, reply.Error), Is.EqualTo((RawMessage.ReplyFlag | RawMessage.ErrorFlag, Errno.EINVAL)));
        Client.ExpectHangUp();
    }

    [TestCase((ushort)0)]
    [TestCase((ushort)14)]
    [TestCase((ushort)16)]
    [TestCase((ushort)0xffff)]
    [TestCase(RawCommand.DmaRead)]
    [TestCase(RawCommand.DmaWrite)]
    public void CommandThatIsNoneOfAClientsIsRefusedAndTheConnectionGoesOn(ushort command)
    {
        Assert.That(Client.Try(command, [0]), Is.EqualTo(Errno.EINVAL));
        Assert.That(Client.Try(command, new byte[64]), Is.EqualTo(Errno.EINVAL));
        ExpectService();
    }

    [TestCase(1u, RawCommand.SetIrqs)]
    [TestCase(1u, RawCommand.DmaRead)]
    [TestCase(2u, RawCommand.Reset)]
    public void MessageThatIsNoCommandAndAnswersNoneIsRefusedAndTheConnectionGoesOn(uint type, ushort command)
    {
        Client.Send(RawMessage.Build(0xbad2, command, [], type));
        RawMessage reply = Client.Receive();
        Assert.That((reply.Id, reply.Error), Is.EqualTo((0xbad2, Errno.EINVAL)));
        Assert.That(Device.Calls, Has.None.EqualTo("reset"));
        ExpectService();
    }

    [Test]
    public void ResetReachesTheDevice()
    {
        Assert.That(Client.Try(RawCommand.Reset, []), Is.EqualTo(Errno.None));
        Assert.That(Device.Calls, Has.Some.EqualTo("reset"));
    }

    [Test]
    public void CommandThatWantsNoReplyGetsNone()
    {
        Client.Post(RawCommand.RegionWrite, RawPayload.RegionAccess(TestDevice.Small, 0, 4, 1, 2, 3, 4));
        Client.Post(RawCommand.RegionWrite, RawPayload.RegionAccess(TestDevice.Absent, 0, 4, 1, 2, 3, 4));
        Client.Post(RawCommand.GetInfo, RawPayload.DeviceInfo());
        Client.Post(999, [1]);

        // The next thing to come is the reply to this read, whose id differs from those before.
        Assert.That(Client.ReadRegion(TestDevice.Small, 0, 4), Is.EqualTo(new byte[] { 1, 2, 3, 4 }));
    }

    [TestCase(false)]
    [TestCase(true)]
    public void PipelinedCommandsAreAnsweredInTheirOrder(bool inOneSend)
    {
        byte[][] commands = [.. Enumerable.Range(0, 200).Select(i => i % 2 == 0
            ? RawMessage.Build(
                (ushort)i, RawCommand.RegionWrite, RawPayload.RegionAccess(TestDevice.Small, 8, 1, (byte)i))
            : RawMessage.Build((ushort)i, RawCommand.RegionRead, RawPayload.RegionAccess(TestDevice.Small, 8, 1)))];
        foreach (byte[] bytes in inOneSend ? [commands.SelectMany(command => command).ToArray()] : commands)
        {
            Client.Send(bytes);
        }

        for (int i = 0; i < commands.Length; i++)
        {
            RawMessage reply = Client.Receive();
            Assert.That((reply.Id, reply.Error), Is.EqualTo((i, Errno.None)));
            if (i % 2 != 0)
            {
                Assert.That(reply.Payload[^1], Is.EqualTo((byte)(i - 1)), "the write before it is done");
            }
        }
    }

    [Test]
    public void MessageMayComeByteByByte()
    {
        foreach (byte value in RawMessage.Build(77, RawCommand.RegionRead, s_read))
        {
            Client.Send([value]);
        }

        Assert.That(Client.Receive().Id, Is.EqualTo(77));
    }

    [Test]
    public void LargeMessagesMayFollowEachOtherInPieces()
    {
        byte[] data = new byte[1 << 20];
        byte[] write = RawMessage.Build(
            1, RawCommand.RegionWrite, RawPayload.RegionAccess(TestDevice.Large, 0, 1 << 20, data));
        byte[] stream = [.. write, .. write, .. write];
        foreach (byte[] piece in stream.Chunk(100_001))
        {
            Client.Send(piece);
        }

        for (int i = 0; i < 3; i++)
        {
            Assert.That(Client.Receive().Error, Is.EqualTo(Errno.None));
        }
    }

    [Test]
    public void DescriptorsGoWithTheMessageThatTheyCameWith()
    {
        using var first = EventFd.Create();
        using var second = EventFd.Create();
        byte[] firstMessage = RawMessage.Build(1, RawCommand.SetIrqs, Vector(0));
        byte[] secondMessage = RawMessage.Build(2, RawCommand.SetIrqs, Vector(1));

        // While the server is held up in a read, all of this gathers in its socket.
        using var gate = new ManualResetEventSlim();
        Device.OnRead = () => gate.Wait(Wait.Limit) ? Errno.None : Errno.EIO;
        Client.Send(RawMessage.Build(0, RawCommand.RegionRead, s_read));
        Client.Send(firstMessage.AsSpan(0, 10), first);
        Client.Send(firstMessage.AsSpan(10));
        Client.Send(secondMessage, second);
        gate.Set();

        for (ushort id = 0; id < 3; id++)
        {
            RawMessage reply = Client.Receive();
            Assert.That((reply.Id, reply.Error), Is.EqualTo((id, Errno.None)));
        }

        Server.Interrupts.Trigger(IrqIndex.Msix, 1);
        Assert.That((first.Drain(), second.Drain()), Is.EqualTo((0ul, 1ul)));
        Server.Interrupts.Trigger(IrqIndex.Msix, 0);
        Assert.That((first.Drain(), second.Drain()), Is.EqualTo((1ul, 0ul)));

        static byte[] Vector(uint vector) =>
            RawPayload.IrqSet(RawIrq.Msix, RawIrq.EventFd | RawIrq.Trigger, vector, 1);
    }

    [Test]
    public void DescriptorsThatNoCommandTakesAreClosed()
    {
        using var signal = EventFd.Create();
        int before = OpenDescriptors.Count();
        Client.Call(RawCommand.RegionRead, s_read, signal, signal);
        Client.Call(RawCommand.Reset, [], signal);
        Client.Call(999, [0], signal);
        OpenDescriptors.WaitUntilBackTo(before);
        ExpectService();
    }

    private void ExpectService() =>
        Assert.That(Client.Try(RawCommand.RegionRead, s_read), Is.EqualTo(Errno.None));
}
