using EpfTest.Kit;
using EpfTest.Kit.VfioUser;
using EpfTest.Protocol.Linux;

namespace EpfTest.Unit.VfioUser;

/// <summary>Whole messages as bytes, worked out by hand from the tables of the specification.</summary>
internal sealed class WireFormatTests : ConnectedFixture
{
    private static IEnumerable<TestCaseData> Exchanges()
    {
        yield return Case(
            "DMA_MAP",
            "0100 0200 30000000 00000000 00000000 20000000 03000000 0000000000000000 0000010000000000 0010000000000000",
            "0100 0200 10000000 01000000 00000000");
        yield return Case(
            "DMA_UNMAP of nothing",
            "0200 0300 28000000 00000000 00000000 18000000 00000000 0000010000000000 0010000000000000",
            "0200 0300 28000000 01000000 00000000 18000000 00000000 0000010000000000 0010000000000000");
        yield return Case(
            "DEVICE_GET_INFO",
            "0300 0400 20000000 00000000 00000000 10000000 00000000 00000000 00000000",
            "0300 0400 20000000 01000000 00000000 10000000 03000000 09000000 05000000");
        yield return Case(
            "DEVICE_GET_REGION_INFO",
            "0400 0500 30000000 00000000 00000000 20000000 00000000 07000000 00000000 " +
            "0000000000000000 0000000000000000",
            "0400 0500 30000000 01000000 00000000 20000000 03000000 07000000 00000000 " +
            "0010000000000000 0000000000000000");
        yield return Case(
            "DEVICE_GET_REGION_IO_FDS, which is refused",
            "0500 0600 20000000 00000000 00000000 10000000 00000000 07000000 00000000",
            "0500 0600 10000000 21000000 16000000");
        yield return Case(
            "DEVICE_GET_IRQ_INFO",
            "0600 0700 20000000 00000000 00000000 10000000 00000000 02000000 00000000",
            "0600 0700 20000000 01000000 00000000 10000000 03000000 02000000 00080000");
        yield return Case(
            "DEVICE_SET_IRQS",
            "0700 0800 25000000 00000000 00000000 15000000 22000000 02000000 ff070000 01000000 01",
            "0700 0800 10000000 01000000 00000000");
        yield return Case(
            "REGION_READ",
            "0800 0900 20000000 00000000 00000000 f00f000000000000 07000000 04000000",
            "0800 0900 24000000 01000000 00000000 f00f000000000000 07000000 04000000 00000000");
        yield return Case(
            "REGION_WRITE",
            "0900 0a00 22000000 00000000 00000000 0001000000000000 00000000 02000000 abcd",
            "0900 0a00 20000000 01000000 00000000 0001000000000000 00000000 02000000");
        yield return Case(
            "DEVICE_RESET",
            "0a00 0d00 10000000 00000000 00000000",
            "0a00 0d00 10000000 01000000 00000000");
        yield return Case(
            "REGION_WRITE_MULTI, which is refused",
            "0b00 0f00 30000000 00000000 00000000 0100000000000000 0001000000000000 00000000 04000000 0102030400000000",
            "0b00 0f00 10000000 21000000 16000000");

        static TestCaseData Case(string name, string command, string reply) =>
            new TestCaseData(Bytes(command), Bytes(reply)).SetArgDisplayNames(name);
    }

    [TestCaseSource(nameof(Exchanges))]
    public void CommandGetsItsReply(byte[] command, byte[] reply)
    {
        Client.Send(command);
        RawMessage message = Client.Receive();
        Assert.That(
            RawMessage.Build(message.Id, message.Command, message.Payload, message.Flags, (uint)message.Error),
            Is.EqualTo(reply));
    }

    [Test]
    public void ServersOwnCommandsAreWhatTheSpecificationHas()
    {
        Client.Call(RawCommand.DmaMap, RawPayload.DmaMap(0x10000, 0x1000));
        Task<Errno> write = Task.Run(() => Server.Memory.Write(0x10008, [0xab, 0xcd]));
        RawMessage message = Client.Receive();
        Assert.That(
            RawMessage.Build(1, message.Command, message.Payload, message.Flags),
            Is.EqualTo(Bytes("0100 0c00 22000000 00000000 00000000 0800010000000000 0200000000000000 abcd")));
        Client.Answer(message, message.Payload.AsSpan(0, 16));
        Assert.That(Wait.For(write), Is.EqualTo(Errno.None));

        byte[] read = new byte[2];
        Task<Errno> reading = Task.Run(() => Server.Memory.Read(0x10008, read));
        message = Client.Receive();
        Assert.That(
            RawMessage.Build(1, message.Command, message.Payload, message.Flags),
            Is.EqualTo(Bytes("0100 0b00 20000000 00000000 00000000 0800010000000000 0200000000000000")));
        Client.Answer(message, [.. message.Payload, 0xab, 0xcd]);
        Assert.That((Wait.For(reading), read[1]), Is.EqualTo((Errno.None, 0xcd)));
    }

    private static byte[] Bytes(string hex) => Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));
}
