using EpfTest.Kit;
using EpfTest.Kit.VfioUser;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Memory;

namespace EpfTest.Unit.VfioUser;

/// <summary>VFIO_USER_DMA_READ and VFIO_USER_DMA_WRITE, which the server asks of the client.</summary>
internal sealed class DmaMessageTests : ConnectedFixture
{
    private const ulong Base = 0x40000000;
    private const ulong Size = 0x400000;

    private DmaTable Memory => Server.Memory;

    [SetUp]
    public void MapMemoryWithoutADescriptor() => MapMemory(Client);

    [Test]
    public void ReadIsAskedOfTheClient()
    {
        byte[] data = new byte[6];
        Task<Errno> read = Task.Run(() => Memory.Read(Base + 0x10, data));
        RawMessage command = ExpectCommand(RawCommand.DmaRead, RawPayload.DmaAccess(Base + 0x10, 6));
        Client.Answer(command, RawPayload.DmaAccess(Base + 0x10, 6, 1, 2, 3, 4, 5, 6));
        Assert.That(Wait.For(read), Is.EqualTo(Errno.None));
        Assert.That(data, Is.EqualTo(new byte[] { 1, 2, 3, 4, 5, 6 }));
    }

    [Test]
    public void WriteIsAskedOfTheClient()
    {
        Task<Errno> write = Task.Run(() => Memory.Write(Base, [1, 2, 3]));
        RawMessage command = ExpectCommand(RawCommand.DmaWrite, RawPayload.DmaAccess(Base, 3, 1, 2, 3));
        Client.Answer(command, RawPayload.DmaAccess(Base, 3));
        Assert.That(Wait.For(write), Is.EqualTo(Errno.None));
    }

    [Test]
    public void NoMessageCarriesMoreThanTheClientTakes()
    {
        Client.Dispose();
        RawVfioUserClient client = Connect("""{"capabilities":{"max_data_xfer_size":4096}}""");
        MapMemory(client);
        byte[] data = new byte[10_000];
        new Random(1).NextBytes(data);
        Task<Errno> write = Task.Run(() => Memory.Write(Base, data));
        byte[] readBack = new byte[data.Length];
        byte[] guest = new byte[data.Length];
        foreach ((int offset, int length) in new[] { (0, 4096), (4096, 4096), (8192, 1808) })
        {
            RawMessage command = client.Receive();
            Assert.That(command.Command, Is.EqualTo(RawCommand.DmaWrite));
            Assert.That((command.U64(0), command.U64(8)), Is.EqualTo((Base + (ulong)offset, (ulong)length)));
            command.Payload.AsSpan(16).CopyTo(guest.AsSpan(offset));
            client.Answer(command, command.Payload.AsSpan(0, 16));
        }

        Assert.That(Wait.For(write), Is.EqualTo(Errno.None));
        Assert.That(guest, Is.EqualTo(data));
        Task<Errno> read = Task.Run(() => Memory.Read(Base, readBack));
        foreach ((int offset, int length) in new[] { (0, 4096), (4096, 4096), (8192, 1808) })
        {
            RawMessage command = client.Receive();
            byte[] expected = RawPayload.DmaAccess(Base + (ulong)offset, (ulong)length);
            Assert.That(command.Payload, Is.EqualTo(expected));
            client.Answer(command, [.. expected, .. guest.AsSpan(offset, length)]);
        }

        Assert.That(Wait.For(read), Is.EqualTo(Errno.None));
        Assert.That(readBack, Is.EqualTo(data));
    }

    [Test]
    public void SeveralThreadsMayAskAtOnceAndBeAnsweredInAnyOrder()
    {
        const int Count = 20;
        byte[][] data = [.. Enumerable.Range(0, Count).Select(_ => new byte[1])];
        Task<Errno>[] reads =
            [.. Enumerable.Range(0, Count).Select(i => StartThread(() => Memory.Read(Base + (ulong)i, data[i])))];
        RawMessage[] commands = [.. reads.Select(_ => Client.Receive())];
        Assert.That(commands.Select(command => command.Id), Is.Unique);
        foreach (RawMessage command in commands.Reverse())
        {
            Client.Answer(command, [.. command.Payload, (byte)(command.U64(0) - Base)]);
        }

        Assert.That(reads.Select(Wait.For), Is.All.EqualTo(Errno.None));
        Assert.That(data.Select(bytes => (int)bytes[0]), Is.EqualTo(Enumerable.Range(0, Count)));
    }

    [Test]
    public void AnswersAreSmallEnoughForASocketToTakeThemWhole()
    {
        byte[] data = new byte[Size];
        Task<Errno> read = Task.Run(() => Memory.Read(Base, data));
        for (ulong offset = 0; offset < Size; offset += 32 << 10)
        {
            ulong length = Math.Min(Size - offset, 32 << 10);
            RawMessage command = ExpectCommand(RawCommand.DmaRead, RawPayload.DmaAccess(Base + offset, length));
            Client.Answer(command, [.. command.Payload, .. new byte[length]]);
        }

        Assert.That(Wait.For(read), Is.EqualTo(Errno.None));
    }

    [TestCase(Errno.EFAULT, Errno.EFAULT)]
    [TestCase(Errno.None, Errno.EINVAL)]
    public void ErrorOfTheClientIsTheResult(Errno stated, Errno expected)
    {
        Task<Errno> read = Task.Run(() => Memory.Read(Base, new byte[4]));
        RawMessage command = Client.Receive();
        Client.Send(RawMessage.Build(
            command.Id, command.Command, [], RawMessage.ReplyFlag | RawMessage.ErrorFlag, (uint)stated));
        Assert.That(Wait.For(read), Is.EqualTo(expected));
    }

    [TestCase(0)]
    [TestCase(16)]
    [TestCase(19)]
    [TestCase(21)]
    public void AnswerOfTheWrongLengthIsAProtocolError(int length)
    {
        byte[] data = new byte[4];
        Task<Errno> read = Task.Run(() => Memory.Read(Base, data));
        Client.Answer(Client.Receive(), Enumerable.Repeat((byte)0xff, length).ToArray());
        Assert.That(Wait.For(read), Is.EqualTo(Errno.EPROTO));
        Assert.That(data, Is.All.Zero);
    }

    [Test]
    public void AnswerToAnotherCommandIsAProtocolError()
    {
        Task<Errno> read = Task.Run(() => Memory.Read(Base, new byte[4]));
        RawMessage command = Client.Receive();
        Client.Answer(command with { Command = RawCommand.DmaWrite }, RawPayload.DmaAccess(Base, 4, 1, 2, 3, 4));
        Assert.That(Wait.For(read), Is.EqualTo(Errno.EPROTO));
    }

    [Test]
    [Category("Slow")]
    public void AnswerThatComesTooLateIsDroppedAndTheConnectionGoesOn()
    {
        byte[] data = new byte[4];
        Assert.That(Wait.For(Task.Run(() => Memory.Read(Base, data))), Is.EqualTo(Errno.ETIMEDOUT));
        RawMessage late = Client.Receive();
        Client.Answer(late, RawPayload.DmaAccess(Base, 4, 1, 2, 3, 4));
        Assert.That(Client.Try(RawCommand.GetInfo, RawPayload.DeviceInfo()), Is.EqualTo(Errno.None));
        Assert.That(data, Is.All.Zero);
        ReadIsAskedOfTheClient();

        Client.Answer(late, []);
        RawMessage refusal = Client.Receive();
        Assert.That((refusal.Id, refusal.Error), Is.EqualTo((late.Id, Errno.EINVAL)), "it was answered already");
    }

    [Test]
    public void HangUpFailsWhoWaitsBeforeTheDeviceLearnsOfIt()
    {
        Task<Errno> read = StartThread(() => Memory.Read(Base, new byte[4]));
        bool wasFailed = false;
        Device.OnCall = call => wasFailed |= call.StartsWith("unmapping", StringComparison.Ordinal)
            && read.Wait(TimeSpan.FromSeconds(1));
        Client.Receive();
        Client.Dispose();
        Assert.That(Wait.For(read), Is.EqualTo(Errno.ENOTCONN));
        Wait.Until(() => Device.Calls.Contains("disconnected"), "the server saw the client go");
        Assert.That(wasFailed, "who lets go of memory need not wait for a client that is gone");
    }

    [Test]
    public void UnmapIsAnsweredWhileAReadOfTheRangeWaits()
    {
        Task<Errno> read = StartThread(() => Memory.Read(Base, new byte[4]));
        RawMessage command = Client.Receive();
        Assert.That(Client.Try(RawCommand.DmaUnmap, RawPayload.DmaUnmap(Base, Size)), Is.EqualTo(Errno.None));
        Client.Answer(command, [], Errno.EFAULT);
        Assert.That(Wait.For(read), Is.EqualTo(Errno.EFAULT));
    }

    [Test]
    public void ThreadThatServesTheClientMayNotAskIt()
    {
        Exception? thrown = null;
        Device.OnRead = () =>
        {
            thrown = Assert.Catch(() => Memory.Read(Base, new byte[4]));
            return Errno.None;
        };
        Client.ReadRegion(TestDevice.Small, 0, 4);
        Assert.That(thrown, Is.TypeOf<InvalidOperationException>());
    }

    [Test]
    [Category("Slow")]
    public void ClientThatTakesNothingIsHungUpOn()
    {
        // Half a message may have gone out, so nothing that follows would make sense to it.
        byte[] data = new byte[1 << 20];
        Assert.That(Wait.For(Task.Run(() => Memory.Write(Base, data))), Is.Not.EqualTo(Errno.None));
        Wait.Until(() => Device.Calls.Contains("disconnected"), "the connection has ended");
        Client.Dispose();
        Assert.That(Connect().ReadRegion(TestDevice.Small, 0, 4), Has.Length.EqualTo(4));
    }

    [Test]
    public void WithoutAClientThereIsNoMemory()
    {
        Client.Dispose();
        Wait.Until(() => Memory.Count == 0, "the client's memory is gone");
        Assert.That(Memory.Read(Base, new byte[4]), Is.EqualTo(Errno.EFAULT));
        Assert.That(Server.Access(MemoryAccess.Read(Base, new byte[4])), Is.EqualTo(Errno.ENOTCONN));
        Assert.That(Server.Access(MemoryAccess.Write(Base, new byte[4])), Is.EqualTo(Errno.ENOTCONN));
    }

    [Test]
    public void ClientThatHasNotAgreedOnAVersionIsAskedNothing()
    {
        Client.Dispose();
        Wait.Until(() => Memory.Count == 0, "the client is gone");
        RawVfioUserClient client = ConnectSilently();
        Wait.Until(() => Device.Calls.Count(call => call == "connected") == 2, "the next client is there");
        Assert.That(Server.Access(MemoryAccess.Read(Base, new byte[4])), Is.EqualTo(Errno.ENOTCONN));
        Assert.That(client.Negotiate().Error, Is.EqualTo(Errno.None));
    }

    private static void MapMemory(RawVfioUserClient client) =>
        Assert.That(client.Try(RawCommand.DmaMap, RawPayload.DmaMap(Base, Size)), Is.EqualTo(Errno.None));

    /// <summary>As Task.Run, on a thread of its own: the pool grows slowly, and the client waits for all.</summary>
    private static Task<Errno> StartThread(Func<Errno> function) =>
        Task.Factory.StartNew(function, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private RawMessage ExpectCommand(ushort number, byte[] payload)
    {
        RawMessage command = Client.Receive();
        Assert.That((command.Command, command.Flags, command.Error), Is.EqualTo((number, 0u, Errno.None)));
        Assert.That(command.Payload, Is.EqualTo(payload));
        return command;
    }
}
