using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.Unit.Pcie.Tlp;

/// <summary>Each rule that the decoder checks, broken once; and what must not be taken for broken.</summary>
[TestFixture]
internal class MalformedTests
{
    [TestCase("", TlpError.TruncatedHeader)]
    [TestCase("00000001 0113050F 000010", TlpError.TruncatedHeader)]
    [TestCase("20000001 0113050F 00000001", TlpError.TruncatedHeader)]
    [TestCase("03000001 0113050F 00001000", TlpError.UndefinedFmtType, Description = "Type 00011b")]
    [TestCase("22000001 0113050F 00001000 00000000", TlpError.UndefinedFmtType, Description = "IORd of 4DW")]
    [TestCase("2A000000 05002004 01130700 00000000", TlpError.UndefinedFmtType, Description = "Cpl of 4DW")]
    [TestCase("10000000 01130018 00000000 00000000", TlpError.UndefinedFmtType, Description = "Msg of 3DW")]
    [TestCase("41000001 0113050F 00001000", TlpError.UndefinedFmtType, Description = "MRdLk with data")]
    [TestCase("0C000001 01130500 00001000", TlpError.UndefinedFmtType, Description = "FetchAdd without data")]
    [TestCase("C0000001 0113050F 00001000", TlpError.UndefinedFmtType, Description = "Fmt 110b")]
    [TestCase("90000000 00000000 00000000", TlpError.PrefixUnsupported)]
    [TestCase("00008001 0113050F 00001000", TlpError.DigestUnsupported)]
    [TestCase("40000001 0113050F 00001000", TlpError.PayloadLengthMismatch, Description = "no payload")]
    [TestCase("40000001 0113050F 00001000 00000000 00000000", TlpError.PayloadLengthMismatch)]
    [TestCase("40000001 0113050F 00001000 000000", TlpError.PayloadLengthMismatch)]
    [TestCase("00000001 0113050F 00001000 00000000", TlpError.PayloadLengthMismatch, Description = "read with data")]
    [TestCase("00000001 0113051F 00001000", TlpError.LastByteEnablesNotZero)]
    [TestCase("00000002 011305F0 00001000", TlpError.FirstByteEnablesZero)]
    [TestCase("00000002 0113050F 00001000", TlpError.LastByteEnablesZero)]
    [TestCase("00000002 011305F5 00001004", TlpError.ByteEnablesNotContiguous, Description = "2 DW, not a QW")]
    [TestCase("00000003 011305F7 00001000", TlpError.ByteEnablesNotContiguous, Description = "first BE")]
    [TestCase("00000003 011305EF 00001000", TlpError.ByteEnablesNotContiguous, Description = "last BE")]
    [TestCase("00000002 011305FF 00001FFC", TlpError.Crosses4KiB)]
    [TestCase("00000000 011305FF 00001004", TlpError.Crosses4KiB)]
    [TestCase("20000001 0113050F 00000000 00001000", TlpError.AddressBelow4GiBIn4DwHeader)]
    [TestCase("02000002 0113050F 00001000", TlpError.LengthNotOne)]
    [TestCase("04000000 0113050F 05000000", TlpError.LengthNotOne)]
    [TestCase("04000001 0113051F 05000000", TlpError.LastByteEnablesNotZero)]
    [TestCase("04100001 0113050F 05000000", TlpError.TrafficClassNotZero)]
    [TestCase("02001001 0113050F 00001000", TlpError.AttributesNotZero)]
    [TestCase("04000401 0113050F 05000000", TlpError.AddressTypeNotZero)]
    [TestCase("34100000 01130020 00000000 00000000", TlpError.TrafficClassNotZero)]
    [TestCase("4C000003 01130500 00001000", TlpError.AtomicOperandSize)]
    [TestCase("4E000001 01130500 00001000", TlpError.AtomicOperandSize)]
    [TestCase("4C000002 01130500 00001004", TlpError.AtomicOperandNotAligned)]
    [TestCase("4E000004 01130500 00001004", TlpError.AtomicOperandNotAligned)]
    [TestCase("4A000001 05002004 01130700 00000000", TlpError.DataWithUnsuccessfulStatus)]
    [TestCase("4A000002 05000004 01130500", TlpError.CompletionExceedsByteCount, Description = "2 DW for 4 bytes")]
    [TestCase("4A000003 05000008 01130500", TlpError.CompletionExceedsByteCount)]
    [TestCase("4A000001 05000008 01130500", TlpError.CompletionNotAtReadCompletionBoundary)]
    [TestCase("4A000010 05000050 01130504", TlpError.CompletionNotAtReadCompletionBoundary)]
    [TestCase("30000000 01130020 00000000 00000000", TlpError.MessageRoutingMismatch, Description = "INTx to the RC")]
    [TestCase("31000000 0113007F 00000000 00000000", TlpError.MessageRoutingMismatch, Description = "vendor")]
    [TestCase("74000001 01130020 00000000 00000000", TlpError.MessagePayloadMismatch, Description = "INTx with data")]
    [TestCase("34000000 01130050 00000000 00000000", TlpError.MessagePayloadMismatch, Description = "no power limit")]
    [TestCase("74000002 01130050 00000000 00000000", TlpError.MessagePayloadMismatch, Description = "2 DW of limit")]
    public void IsRefused(string hex, TlpError expected)
    {
        Assert.That(TlpHeader.TryDecode(Bytes(hex), out TlpHeader header, out TlpError error), Is.False);
        Assert.That(error, Is.EqualTo(expected));
        Assert.That(header, Is.EqualTo(default(TlpHeader)));
    }

    [TestCase("00000001 01130509 00001000", Description = "gaps within 1 DW")]
    [TestCase("00000002 011305A5 00001000", Description = "gaps within an aligned QW")]
    [TestCase("00000001 01130500 00001000", Description = "zero-length read")]
    [TestCase("04000001 01130505 05000000", Description = "gaps within a register")]
    [TestCase("00000000 011305FF 00001000", Description = "a whole page")]
    [TestCase("0A000000 05006004 01130700", Description = "reserved status")]
    [TestCase("4A00000F 05000080 01130504 ", Description = "partial completion up to 64")]
    [TestCase("37000000 01130001 00000000 00000000", Description = "unknown message, reserved routing")]
    [TestCase("34700000 0113007E 00000000 00000000", Description = "vendor message with TC 7")]
    public void IsAccepted(string hex)
    {
        Assert.That(TlpHeader.TryDecodeHeader(Bytes(hex), out _, out TlpError error), Is.True, error.Describe());
    }

    // What differs is reserved: LN; LN, TH, Attr2 and the low address bits of I/O; Length, AT and the bit above Lower
    // Address of a completion; T9, T8, AT and Length of a message; PH without TH; byte enables of an AtomicOp.
    [TestCase("00020001 0113050F 00001003", "00000001 0113050F 00001000")]
    [TestCase("02070001 0113050F 00001003", "02000001 0113050F 00001000")]
    [TestCase("04070001 0113050F 0500F107", "04000001 0113050F 05000104")]
    [TestCase("0A030FFF 05002004 01130780", "0A000000 05002004 01130700")]
    [TestCase("348B0FFF 01130020 00000000 00000000", "34000000 01130020 00000000 00000000")]
    [TestCase("4C000001 011305FF 00001001", "4C000001 01130500 00001000")]
    public void ReservedBitsAreNotLookedAt(string hex, string cleared)
    {
        Assert.That(TlpHeader.TryDecodeHeader(Bytes(hex), out TlpHeader header, out _), Is.True);
        Assert.That(TlpHeader.TryDecodeHeader(Bytes(cleared), out TlpHeader expected, out _), Is.True);
        Assert.That(header, Is.EqualTo(expected));
    }

    [Test]
    public void PayloadAboveMaxPayloadSizeIsRefused()
    {
        byte[] tlp = [.. Bytes("40000040 011305FF 00001000"), .. new byte[256]];
        Assert.That(TlpHeader.TryDecode(tlp, out _, out _, maxPayloadSize: 256), Is.True);
        Assert.That(TlpHeader.TryDecode(tlp, out _, out TlpError error, maxPayloadSize: 128), Is.False);
        Assert.That(error, Is.EqualTo(TlpError.PayloadExceedsMaxPayloadSize));
    }

    [Test]
    public void EveryErrorHasWordsOfItsOwn()
    {
        string[] words = [.. Enum.GetValues<TlpError>().Select(e => e.Describe())];
        Assert.That(words, Is.Unique);
        Assert.That(words, Has.None.EqualTo(((TlpError)(-1)).Describe()));
    }

    [Test]
    public void FactoriesRefuseWhatTheSpecificationForbids()
    {
        Bdf id = default;
        Assert.Multiple(() =>
        {
            Assert.That(() => TlpHeader.MemoryRead(0x1FFF, 2, id, 0), Throws.TypeOf<ArgumentOutOfRangeException>());
            Assert.That(() => TlpHeader.MemoryRead(0, 4097, id, 0), Throws.TypeOf<ArgumentOutOfRangeException>());
            Assert.That(() => TlpHeader.MemoryRead(0, 4, id, 1024), Throws.TypeOf<ArgumentOutOfRangeException>());
            Assert.That(() => TlpHeader.IoRead(0x3FB, 2, id, 0), Throws.TypeOf<ArgumentOutOfRangeException>());
            Assert.That(
                () => TlpHeader.ConfigurationRead(id, 4096, 1, id, 0), Throws.TypeOf<ArgumentOutOfRangeException>());
            Assert.That(
                () => TlpHeader.Message(MessageCode.Vendor_Defined_Type_0, id), Throws.TypeOf<ArgumentException>());
            TlpHeader write = TlpHeader.MemoryWrite(0, 4, id);
            Assert.That(
                () => TlpHeader.Completion(write, id, CompletionStatus.UnsupportedRequest),
                Throws.TypeOf<ArgumentException>());
            Assert.That(() => TlpHeader.CompletionData(write, id), Throws.TypeOf<ArgumentException>());
        });
    }

    private static byte[] Bytes(string hex) => Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));
}
