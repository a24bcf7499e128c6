using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.Unit.Pcie.Tlp;

/// <summary>
/// Headers worked out by hand from the figures of section 2.2. DW 0 is
/// <c>Fmt[3] Type[5] | T9 TC[3] T8 Attr2 LN TH | TD EP Attr[2] AT[2] Length[10]</c>.
/// </summary>
[TestFixture]
internal class FixedBytesTests
{
    // 01:02.3 is 0x01 << 8 | 0x02 << 3 | 3 = 0x0113, 05:00.0 is 0x0500.
    private static readonly Bdf s_requester = new(1, 2, 3);
    private static readonly Bdf s_completer = new(5, 0, 0);
    private static readonly TlpHeader s_read = TlpHeader.MemoryRead(0x1005, 6, s_requester, 5);
    private static readonly TlpHeader s_configRead = TlpHeader.ConfigurationRead(s_completer, 0x104, 4, s_requester, 7);

    private static IEnumerable<TestCaseData> Headers
    {
        get
        {
            // 000_00000, Length 64 / 4 = 0x10; tag 5, both BE f.
            yield return Case("MRd32", TlpHeader.MemoryRead(0x1000, 64, s_requester, 5), "00000010 011305FF 00001000");

            // 001_00000; 3 bytes from offset 1 are BE 1110b = e of 1 DW; tag 42 = 0x2A.
            yield return Case(
                "MRd64",
                TlpHeader.MemoryRead(0x1_2345_6789, 3, s_requester, 42),
                "20000001 01132A0E 00000001 23456788");

            // Zero-length read: 1 DW, no byte.
            yield return Case("flush", TlpHeader.MemoryRead(0x2000, 0, s_requester, 1), "00000001 01130100 00002000");

            // 10-bit tag 0x2A5: T9 = 1 is byte 1 bit 7, T8 = 0, then A5.
            yield return Case("T9", TlpHeader.MemoryRead(0x2000, 4, s_requester, 0x2A5), "00800001 0113A50F 00002000");

            // 10-bit tag 0x1FF: T8 = 1 is byte 1 bit 3.
            yield return Case("T8", TlpHeader.MemoryRead(0x2000, 4, s_requester, 0x1FF), "00080001 0113FF0F 00002000");

            // 010_00000 = 40: an MSI.
            yield return Case(
                "MWr32", TlpHeader.MemoryWrite(0xFEE0_0000, 4, s_requester), "40000001 0113000F FEE00000");

            // 011_00000 = 60; 4096 bytes are Length 0.
            yield return Case(
                "MWr64",
                TlpHeader.MemoryWrite(0x80_0000_0000, 4096, s_requester),
                "60000000 011300FF 00000080 00000000");

            // 5 bytes from offset 3: First BE 1000b, Last BE 1111b, 2 DW.
            yield return Case("MWr BE", TlpHeader.MemoryWrite(0x3003, 5, s_requester), "40000002 011300F8 00003000");

            // The last address that 3DW reaches.
            yield return Case("top", TlpHeader.MemoryWrite(0xFFFF_FFFF, 1, s_requester), "40000001 01130008 FFFFFFFC");

            // TC 5 = 0x50 and Attr2 = 0x04 in byte 1; EP = 0x40, Attr[1:0] = 11b = 0x30, AT 10b = 0x08 in byte 2.
            yield return Case(
                "attributes",
                TlpHeader.MemoryWrite(0x1000, 4, s_requester) with
                {
                    TrafficClass = 5,
                    Attributes = TlpAttributes.NoSnoop | TlpAttributes.RelaxedOrdering | TlpAttributes.IdBasedOrdering,
                    Poisoned = true,
                    AddressType = AddressType.Translated,
                },
                "40547801 0113000F 00001000");

            // TH = byte 1 bit 0, ST in the tag, PH 10b in address bits 1:0.
            yield return Case(
                "MWr TH",
                TlpExtensions.Decode("40010001 0113770F 00001002"),
                "40010001 0113770F 00001002");

            // In a read ST takes the place of both BE.
            yield return Case(
                "MRd TH",
                TlpExtensions.Decode("20010002 01130935 00000001 00001001"),
                "20010002 01130935 00000001 00001001");

            // 000_00010 = 02, 010_00010 = 42: COM1, and two bytes from offset 2 (BE 1100b).
            yield return Case("IORd", TlpHeader.IoRead(0x3F8, 1, s_requester, 5), "02000001 01130501 000003F8");
            yield return Case("IOWr", TlpHeader.IoWrite(0xCFE, 2, s_requester, 6), "42000001 0113060C 00000CFC");

            // 000_00100; offset 0x104: extended register 1, register 0x04 >> 2 in bits 7:2.
            yield return Case("CfgRd0", s_configRead, "04000001 0113070F 05000104");

            // 010_00100; offset 0x3E: register DW 0x3C, BE 1100b.
            yield return Case(
                "CfgWr0",
                TlpHeader.ConfigurationWrite(s_completer, 0x3E, 2, s_requester, 8),
                "44000001 0113080C 0500003C");

            // 000_00101 and 010_00101.
            yield return Case(
                "CfgRd1",
                TlpExtensions.Decode("05000001 0113070F 05000000"),
                "05000001 0113070F 05000000");
            yield return Case(
                "CfgWr1",
                TlpExtensions.Decode("45000001 01130701 05000004"),
                "45000001 01130701 05000004");

            // 010_01100, 011_01101, 010_01110; a CAS carries two operands; BE are reserved.
            yield return Case(
                "FetchAdd",
                TlpExtensions.Decode("4C000001 01130500 00001004"),
                "4C000001 01130500 00001004");
            yield return Case(
                "Swap",
                TlpExtensions.Decode("6D000002 01130500 00000001 00000008"),
                "6D000002 01130500 00000001 00000008");
            yield return Case(
                "CAS",
                TlpExtensions.Decode("4E000004 01130500 00001008"),
                "4E000004 01130500 00001008");

            // 000_01010; DW 1 is completer, status << 13, BCM, Byte Count; UR = 001b, 4 bytes.
            yield return Case(
                "Cpl UR",
                TlpHeader.Completion(s_configRead, s_completer, CompletionStatus.UnsupportedRequest),
                "0A000000 05002004 01130700");

            // CRS = 010b << 13 = 0x4000.
            yield return Case(
                "Cpl CRS",
                TlpHeader.Completion(s_configRead, s_completer, CompletionStatus.ConfigurationRequestRetryStatus),
                "0A000000 05004004 01130700");

            // CA = 100b << 13 = 0x8000, after 4 of the 6 bytes from 0x1005: 2 remain, Lower Address 0x09.
            yield return Case(
                "Cpl CA",
                TlpExtensions.Decode("0A000000 05008002 01130509"),
                "0A000000 05008002 01130509");

            // SC of a write.
            yield return Case(
                "Cpl SC",
                TlpHeader.Completion(
                    TlpHeader.IoWrite(0xCFE, 2, s_requester, 6), s_completer, CompletionStatus.SuccessfulCompletion),
                "0A000000 05000004 01130600");

            // 010_01010; 6 bytes from offset 1 are 2 DW; Lower Address 0x05.
            yield return Case("CplD", TlpHeader.CompletionData(s_read, s_completer), "4A000002 05000006 01130505");

            // Byte Count 4096 and Length 1024 are both 0.
            yield return Case(
                "CplD 4096",
                TlpHeader.CompletionData(TlpHeader.MemoryRead(0x1000, 4096, s_requester, 0x1FF), s_completer),
                "4A080000 05000000 0113FF00");

            // TC and Attr are the request's.
            yield return Case(
                "CplD TC",
                TlpHeader.CompletionData(
                    s_read with { TrafficClass = 3, Attributes = TlpAttributes.RelaxedOrdering }, s_completer),
                "4A302002 05000006 01130505");

            // A CAS of 8 bytes returns 8 bytes, Lower Address 0.
            yield return Case(
                "CplD CAS",
                TlpHeader.CompletionData(TlpExtensions.Decode("4E000004 01130500 00001008"), s_completer),
                "4A000002 05000008 01130500");

            // The flush's completion: 1 DW of no meaning, Byte Count 1.
            yield return Case(
                "CplD flush",
                TlpHeader.CompletionData(TlpHeader.MemoryRead(0x2044, 0, s_requester, 1), s_completer),
                "4A000001 05000001 01130144");

            // 001_10100 = 34: local.
            yield return Case(MessageCode.Assert_INTA, "34000000 01130020");
            yield return Case(MessageCode.Assert_INTB, "34000000 01130021");
            yield return Case(MessageCode.Assert_INTC, "34000000 01130022");
            yield return Case(MessageCode.Assert_INTD, "34000000 01130023");
            yield return Case(MessageCode.Deassert_INTA, "34000000 01130024");
            yield return Case(MessageCode.Deassert_INTB, "34000000 01130025");
            yield return Case(MessageCode.Deassert_INTC, "34000000 01130026");
            yield return Case(MessageCode.Deassert_INTD, "34000000 01130027");
            yield return Case(MessageCode.PM_Active_State_Nak, "34000000 01130014");

            // 001_10000 = 30: to the root complex.
            yield return Case(MessageCode.PM_PME, "30000000 01130018");
            yield return Case(MessageCode.ERR_COR, "30000000 01130030");
            yield return Case(MessageCode.ERR_NONFATAL, "30000000 01130031");
            yield return Case(MessageCode.ERR_FATAL, "30000000 01130033");

            // 001_10011 = 33: broadcast; 001_10101 = 35: gathered.
            yield return Case(MessageCode.PME_Turn_Off, "33000000 01130019");
            yield return Case(MessageCode.Unlock, "33000000 01130000");
            yield return Case(MessageCode.PME_TO_Ack, "35000000 0113001A");

            // 011_10100 = 74, 1 DW.
            yield return Case(
                "Set_Slot_Power_Limit",
                TlpHeader.Message(MessageCode.Set_Slot_Power_Limit, MessageRouting.Local, s_requester, payloadDw: 1),
                "74000001 01130050 00000000 00000000");

            // 001_10010 by ID: target, vendor ID, then the vendor's own DW.
            yield return Case(
                "Vendor_Defined type 1",
                TlpHeader.VendorDefined(
                    MessageCode.Vendor_Defined_Type_1,
                    MessageRouting.ById,
                    s_completer,
                    0x1AF4,
                    0x12345678,
                    s_requester),
                "32000000 0113007F 05001AF4 12345678");

            // 011_10000 = 70 with 2 DW, to the root complex.
            yield return Case(
                "Vendor_Defined type 0",
                TlpHeader.VendorDefined(
                    MessageCode.Vendor_Defined_Type_0,
                    MessageRouting.ToRootComplex,
                    default,
                    0x1AF4,
                    1,
                    s_requester,
                    2),
                "70000002 0113007E 00001AF4 00000001");
        }
    }

    [TestCaseSource(nameof(Headers))]
    public void EncodesToTheBytesOfTheSpecification(TlpHeader header, string hex)
    {
        Span<byte> buffer = stackalloc byte[TlpLimits.Header4Dw];
        int length = header.Encode(buffer);
        Assert.That(Convert.ToHexString(buffer[..length]), Is.EqualTo(hex.Replace(" ", "", StringComparison.Ordinal)));
    }

    [TestCaseSource(nameof(Headers))]
    public void DecodesFromTheBytesOfTheSpecification(TlpHeader header, string hex)
    {
        byte[] bytes = Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));
        byte[] tlp = [.. bytes, .. new byte[header.PayloadLength]];
        Assert.That(TlpHeader.TryDecode(tlp, out TlpHeader decoded, out TlpError error), Is.True, error.Describe());
        Assert.That(decoded, Is.EqualTo(header));
    }

    [TestCase("05000001 0113070F 05000104", TlpKind.CfgRd1, 0x104UL, 4)]
    [TestCase("45000001 01130701 05000004", TlpKind.CfgWr1, 0x4UL, 1)]
    [TestCase("4C000001 01130500 00001004", TlpKind.FetchAdd, 0x1004UL, 4)]
    [TestCase("6D000002 01130500 00000001 00000008", TlpKind.Swap, 0x1_0000_0008UL, 8)]
    [TestCase("4E000004 01130500 00001008", TlpKind.Cas, 0x1008UL, 16)]
    [TestCase("40010001 0113770F 00001002", TlpKind.MWr, 0x1000UL, 4)]
    [TestCase("20010002 01130935 00000001 00001001", TlpKind.MRd, 0x1_0000_1000UL, 8)]
    public void RequestsThatOnlyOthersSendAreDecoded(string hex, TlpKind kind, ulong address, int length)
    {
        TlpHeader header = TlpExtensions.Decode(hex);
        Assert.That((header.Kind, header.Address, header.ByteLength), Is.EqualTo((kind, address, length)));
        Assert.That(header.Requester, Is.EqualTo(s_requester));
    }

    [Test]
    public void LockedReadIsAnsweredWithLockedCompletions()
    {
        // 000_00001 is MRdLk; 000_01011 = 0B CplLk; 010_01011 = 4B CplDLk.
        Assert.That(
            TlpHeader.TryDecode(Convert.FromHexString("010000010113050F00002000"), out TlpHeader locked, out _),
            Is.True);
        Assert.That(locked.Kind, Is.EqualTo(TlpKind.MRdLk));
        TlpHeader refusal = TlpHeader.Completion(locked, s_completer, CompletionStatus.UnsupportedRequest);
        Assert.That(Hex(refusal), Is.EqualTo("0B0000000500200401130500"));
        Assert.That(Hex(TlpHeader.CompletionData(locked, s_completer)), Is.EqualTo("4B0000010500000401130500"));
    }

    [TestCase(MessageRouting.ToRootComplex, 0x30)]
    [TestCase(MessageRouting.ByAddress, 0x31)]
    [TestCase(MessageRouting.ById, 0x32)]
    [TestCase(MessageRouting.BroadcastFromRootComplex, 0x33)]
    [TestCase(MessageRouting.Local, 0x34)]
    [TestCase(MessageRouting.Gathered, 0x35)]
    [TestCase(MessageRouting.Reserved6, 0x36)]
    [TestCase(MessageRouting.Reserved7, 0x37)]
    public void MessageOfUnknownCodeDecodesWithAnyRouting(MessageRouting routing, int byte0)
    {
        TlpHeader message = TlpHeader.Message(
            (MessageCode)0x42, routing, s_requester, 0x0123_4567_89AB_CDEF, tag: 0xFE);
        string hex = $"{byte0:X2}0000000113FE420123456789ABCDEF";
        Assert.That(Hex(message), Is.EqualTo(hex));
        Assert.That(TlpHeader.TryDecode(Convert.FromHexString(hex), out TlpHeader decoded, out _), Is.True);
        Assert.That(decoded.Routing, Is.EqualTo(routing));
        Assert.That(decoded.MessageCode, Is.EqualTo((MessageCode)0x42));
        Assert.That(decoded.MessageData, Is.EqualTo(0x0123_4567_89AB_CDEF));
        Assert.That(decoded.Tag, Is.EqualTo(0xFE));
    }

    private static TestCaseData Case(string name, TlpHeader header, string hex) =>
        new TestCaseData(header, hex).SetArgDisplayNames(name);

    // A message whose bytes 8 to 15 are reserved.
    private static TestCaseData Case(MessageCode code, string hex) =>
        Case(code.ToString(), TlpHeader.Message(code, s_requester), hex + " 00000000 00000000");

    private static string Hex(TlpHeader header)
    {
        Span<byte> buffer = stackalloc byte[TlpLimits.Header4Dw];
        return Convert.ToHexString(buffer[..header.Encode(buffer)]);
    }
}
