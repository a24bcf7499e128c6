using EpfTest.Kit;
using EpfTest.Protocol.Pcie.Tlp;
using FsCheck;
using FsCheck.Fluent;

namespace EpfTest.Unit.Pcie.Tlp;

[TestFixture]
internal class PayloadTests
{
    [Test]
    public void BytesKeepTheOrderOfMemoryBetweenPadding()
    {
        TlpHeader header = TlpHeader.MemoryWrite(0x1003, 3, default);
        byte[] payload = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
        Assert.That(TlpPayload.Pack(header, [1, 2, 3], payload), Is.EqualTo(8));
        Assert.That(payload, Is.EqualTo(new byte[] { 0, 0, 0, 1, 2, 3, 0, 0 }));
        Assert.That(TlpPayload.Unpack(header, payload).ToArray(), Is.EqualTo(new byte[] { 1, 2, 3 }));
    }

    [Test]
    public void DisabledBytesOfAWriteAreLeftAlone()
    {
        // An aligned QW, First BE 0110b, Last BE 1001b: bytes 1, 2, 4 and 7, so from address 0x1001 on.
        TlpHeader header = TlpHeader.MemoryWrite(0x1000, 8, default) with
        {
            FirstByteEnables = 0b0110,
            LastByteEnables = 0b1001,
        };
        byte[] destination = [9, 9, 9, 9, 9, 9, 9];
        TlpExtensions.Scatter(header, [10, 11, 12, 13, 14, 15, 16, 17], destination);
        Assert.That(header.FirstByteAddress, Is.EqualTo(0x1001));
        Assert.That(header.IsContiguous, Is.False);
        Assert.That(destination, Is.EqualTo(new byte[] { 11, 12, 9, 14, 9, 9, 17 }));
    }

    [Test]
    public void ZeroLengthWriteChangesNothing()
    {
        TlpHeader header = TlpHeader.MemoryWrite(0x1000, 0, default);
        byte[] destination = [9];
        TlpExtensions.Scatter(header, new byte[4], destination);
        Assert.That(destination, Is.EqualTo(new byte[] { 9 }));
    }

    [Test]
    public void PackedBytesUnpackAndScatterToThemselves() =>
        Prop.ForAll(TlpGen.RequestRange.ToArb(), range =>
        {
            TlpHeader header = TlpHeader.MemoryWrite(range.Address, range.Length, default);
            byte[] bytes = TestBytes.From(range.Address, range.Length);
            var payload = new byte[header.PayloadLength];
            payload.AsSpan().Fill(0xEE);
            var scattered = new byte[range.Length];
            TlpPayload.Pack(header, bytes, payload);
            TlpExtensions.Scatter(header, payload, scattered);
            return TlpPayload.Unpack(header, payload).SequenceEqual(bytes) && scattered.AsSpan().SequenceEqual(bytes);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(1000));
}
