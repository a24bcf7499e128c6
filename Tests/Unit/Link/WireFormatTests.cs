using EpfTest.Kit;
using EpfTest.Kit.Link;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Link.Messages;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.Unit.Link;

/// <summary>The bytes of frames, worked out from docs/link-protocol.md.</summary>
internal sealed class WireFormatTests
{
    private delegate void Writer(Span<byte> destination);

    [Test]
    public void FrameHeaderIsLengthKindAndFunction()
    {
        byte[] expected = [0x34, 0x12, 0, 0, 0x20, 0, 0x67, 0x45];
        var header = new FrameHeader(0x1234, FrameKind.MemoryAdd, FunctionId.FromNumber(0x4567));
        Assert.That(Written(header.Encode, 8), Is.EqualTo(expected));
        Assert.That(FrameHeader.Decode(expected), Is.EqualTo(header));
    }

    [Test]
    public void LargestPayloadIsATlpOf4KiBWithItsHeader() =>
        Assert.That(FrameHeader.MaxPayload, Is.EqualTo(RawFrame.MaxPayload));

    [Test]
    public void KindsHaveTheirNumbers() =>
        Assert.That(
            Enum.GetValues<FrameKind>().Select(kind => (ushort)kind),
            Is.EqualTo(new ushort[]
            {
                RawFrame.Hello, RawFrame.Refuse, RawFrame.Tlp, RawFrame.Acknowledge,
                RawFrame.FunctionKind, RawFrame.BarAddress, RawFrame.LinkUp, RawFrame.LinkDown,
                RawFrame.InboundAdd, RawFrame.InboundInvalidate,
                RawFrame.MemoryAdd, RawFrame.MemoryInvalidate, RawFrame.MemoryInvalidateAll, RawFrame.FunctionReset,
                RawFrame.BarMapped, RawFrame.InterruptAdd, RawFrame.InterruptInvalidate, RawFrame.WriteFailed,
            }));

    [Test]
    public void HelloStartsWithEpfl() =>
        Assert.That(
            Written(new LinkHello(1, 0, LinkRole.Bridge, LinkCapabilities.Direct).Encode, 16),
            Is.EqualTo(new byte[] { 0x45, 0x50, 0x46, 0x4c, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0 }));

    [Test]
    public void BarAddressIsBarFlagsAndAddress()
    {
        byte[] expected = [5, 0, 0, 0, 3, 0, 0, 0, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11];
        var message = new BarAddressMessage(5, 0x1122334455667788, IsEnabled: true, IsAwaited: true);
        Assert.That(Written(message.Encode, 16), Is.EqualTo(expected));
        Assert.That(BarAddressMessage.TryDecode(expected, out BarAddressMessage read), Is.True);
        Assert.That(read, Is.EqualTo(message));
    }

    [TestCase(RequestStatus.UnsupportedRequest, 1, RequestStatus.UnsupportedRequest)]
    [TestCase(RequestStatus.CompleterAbort, 2, RequestStatus.CompleterAbort)]
    [TestCase(RequestStatus.CompletionTimeout, 3, RequestStatus.CompletionTimeout)]
    [TestCase(RequestStatus.LinkDown, 2, RequestStatus.CompleterAbort, TestName = "{m}(the host's QEMU has gone)")]
    public void FailedWriteIsStatusAndAddress(RequestStatus status, byte written, RequestStatus read)
    {
        byte[] expected = [written, 0, 0, 0, 0, 0, 0, 0, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11];
        Assert.That(Written(new WriteFailedMessage(status, 0x1122334455667788).Encode, 16), Is.EqualTo(expected));
        Assert.That(WriteFailedMessage.TryDecode(expected, out WriteFailedMessage message), Is.True);
        Assert.That(message, Is.EqualTo(new WriteFailedMessage(read, 0x1122334455667788)));
    }

    [Test]
    public void MemoryIsAccessAddressSizeAndFileOffset()
    {
        byte[] expected = new WireBytes().U32(3, 0).U64(0x1_0000_0000, 0x2000, 0x3000).ToArray();
        var message = new MemoryMessage(DmaAccess.Read | DmaAccess.Write, 0x1_0000_0000, 0x2000, 0x3000);
        Assert.That(Written(message.Encode, 32), Is.EqualTo(expected));
        Assert.That(MemoryMessage.TryDecode(expected, out MemoryMessage read), Is.True);
        Assert.That(read, Is.EqualTo(message));
    }

    [Test]
    public void InboundIsBarAccessOffsetSizeAndFileOffset()
    {
        byte[] expected = new WireBytes().U32(4, 1).U64(0x100, 0x2000, 0x3000).ToArray();
        var message = new InboundAddMessage(4, DmaAccess.Read, 0x100, 0x2000, 0x3000);
        Assert.That(Written(message.Encode, 32), Is.EqualTo(expected));
        Assert.That(InboundAddMessage.TryDecode(expected, out InboundAddMessage read), Is.True);
        Assert.That(read, Is.EqualTo(message));
    }

    [Test]
    public void InterruptAddIsTypeAndVector()
    {
        byte[] expected = new WireBytes().U32(1, 2047).ToArray();
        var message = new InterruptAddMessage(IsMsix: true, 2047);
        Assert.That(Written(message.Encode, 8), Is.EqualTo(expected));
        Assert.That(InterruptAddMessage.TryDecode(expected, out InterruptAddMessage read), Is.True);
        Assert.That(read, Is.EqualTo(message));
    }

    [Test]
    public void InterruptInvalidateIsTokenTypeStartAndCount()
    {
        byte[] expected = new WireBytes().U32(0, 1, 2000, 48).ToArray();
        var message = new InterruptInvalidateMessage(IsMsix: true, 2000, 48);
        Assert.That(Written(message.Encode, 16), Is.EqualTo(expected));
        Assert.That(InterruptInvalidateMessage.TryDecode(expected, out InterruptInvalidateMessage read), Is.True);
        Assert.That(read, Is.EqualTo(message));
    }

    [Test]
    public void FunctionIsItsHeadAndSixBars()
    {
        byte[] expected =
            RawFrame.FunctionOf(0, pin: 2, msi: 32, msix: 2048, barSize: 0x20_0000)[RawFrame.HeaderSize..];
        Assert.That(FunctionMessage.TryDecode(expected, out FunctionMessage? read), Is.True);
        Assert.That(
            (read!.Present, read.InterruptPin, read.MsiVectors, read.MsixVectors),
            Is.EqualTo((true, (byte)2, (ushort)32, (ushort)2048)));
        Assert.That(read.Bars[0], Is.EqualTo(new BarMessage(0x20_0000, 0xe000_0000, 0)));
        Assert.That(read.Bars.Skip(1), Is.All.EqualTo(default(BarMessage)));
        Assert.That(Written(read.Encode, FunctionMessage.Length), Is.EqualTo(expected));
    }

    [Test]
    public void OrderIsATokenAndANumber()
    {
        byte[] order = [9, 8, 7, 6, 3, 0, 0, 0];
        Assert.That(RequestMessage.TryDecode(order, out int number), Is.True);
        Assert.That(number, Is.EqualTo(3));
        RequestMessage.Encode(order, 0x01020304);
        Assert.That(order, Is.EqualTo(new byte[] { 9, 8, 7, 6, 4, 3, 2, 1 }), "the token is the link's to fill in");
    }

    [TestCase(false, 31, 0x0000001fu)]
    [TestCase(true, 2047, 0x000107ffu)]
    public void InterruptIsAVendorDefinedType1MessageToTheRootComplex(bool msix, int vector, uint data)
    {
        var requester = new Bdf(1, 0, 2);
        TlpHeader header = InterruptMessage.Create(requester, msix, vector);

        // Msg routed to the root complex; requester 01:00.2, tag 0, code 0x7f; no target, vendor 0x1234; vendor data.
        byte[] expected = RawFrame.TlpOf(0, [0x3000_0000, 0x0102_007f, 0x0000_1234, data])[RawFrame.HeaderSize..];
        Assert.That(Written(span => header.Encode(span), 16), Is.EqualTo(expected));
        Assert.That(TlpHeader.TryDecode(expected, out TlpHeader decoded, out _), Is.True);
        Assert.That(InterruptMessage.TryDecode(decoded, out bool readMsix, out int readVector), Is.True);
        Assert.That((readMsix, readVector), Is.EqualTo((msix, vector)));
    }

    [TestCase(0x0000_1235u, 0u, TestName = "AnotherVendorsMessageIsNoInterrupt")]
    [TestCase(0x0000_1234u, 0x20000u, TestName = "UnknownVendorDataIsNoInterrupt")]
    public void OtherMessagesAreNoInterrupts(uint dw2, uint dw3)
    {
        byte[] tlp = RawFrame.TlpOf(0, [0x3000_0000, 0x0100_007f, dw2, dw3])[RawFrame.HeaderSize..];
        Assert.That(TlpHeader.TryDecode(tlp, out TlpHeader header, out _), Is.True);
        Assert.That(InterruptMessage.TryDecode(header, out _, out _), Is.False);
    }

    [Test]
    public void PayloadsOfAnotherLengthAreRefused()
    {
        for (int length = 0; length < 256; length++)
        {
            byte[] payload = new byte[length];
            Assert.That(BarAddressMessage.TryDecode(payload, out _), Is.EqualTo(length == 16), $"{length}");
            Assert.That(MemoryMessage.TryDecode(payload, out _), Is.EqualTo(length == 32), $"{length}");
            Assert.That(InboundAddMessage.TryDecode(payload, out _), Is.EqualTo(length == 32), $"{length}");
            Assert.That(FunctionMessage.TryDecode(payload, out _), Is.EqualTo(length == 152), $"{length}");
            Assert.That(RequestMessage.TryDecode(payload, out _), Is.EqualTo(length == 8), $"{length}");
        }
    }

    [TestCase(6u)]
    [TestCase(uint.MaxValue)]
    public void BarsThatThereAreNotAreRefused(uint bar)
    {
        Assert.That(BarAddressMessage.TryDecode(new WireBytes().U32(bar, 0).U64(0).ToArray(), out _), Is.False);
        Assert.That(InboundAddMessage.TryDecode(new WireBytes().U32(bar, 3).U64(0, 1, 0).ToArray(), out _), Is.False);
    }

    private static byte[] Written(Writer write, int length)
    {
        byte[] bytes = new byte[length];
        bytes.AsSpan().Fill(0xcc);
        write(bytes);
        return bytes;
    }
}
