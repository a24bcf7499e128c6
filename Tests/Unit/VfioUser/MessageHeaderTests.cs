using EpfTest.Kit.VfioUser;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.VfioUser;
using FsCheck;
using FsCheck.Fluent;

namespace EpfTest.Unit.VfioUser;

/// <summary>The header of every message.</summary>
internal sealed class MessageHeaderTests
{
    [Test]
    public void WhatIsWrittenIsRead() =>
        Prop.ForAll<(ushort, ushort, uint, uint, int)>(RoundTrip).Check(Config.QuickThrowOnFailure.WithMaxTest(1000));

    private static void RoundTrip((ushort Id, ushort Command, uint Size, uint Flags, int Error) fields)
    {
        (ushort id, ushort command, uint size, uint flags, int error) = fields;
        var header = new MessageHeader(id, (VfioUserCommand)command, size, (MessageFlags)flags, (Errno)error);
        byte[] bytes = new byte[MessageHeader.Length];
        header.Write(bytes);
        Assert.That(MessageHeader.Read(bytes), Is.EqualTo(header));
        Assert.That(bytes, Is.EqualTo(RawMessage.Build(id, command, [], flags, (uint)error, size)));
        Assert.That((header.IsCommand, header.IsReply), Is.EqualTo((flags % 16 == 0, flags % 16 == 1)));
    }

    [Test]
    public void FieldsStandWhereTheSpecificationHasThem()
    {
        byte[] bytes = Convert.FromHexString("0102" + "0d00" + "10000000" + "21000000" + "16000000");
        Assert.That(
            MessageHeader.Read(bytes),
            Is.EqualTo(new MessageHeader(
                0x0201, VfioUserCommand.DeviceReset, 16, MessageFlags.Reply | MessageFlags.Error, Errno.EINVAL)));
    }
}
