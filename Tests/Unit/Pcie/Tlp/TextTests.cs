using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.Unit.Pcie.Tlp;

[TestFixture]
internal class TextTests
{
    private static readonly Bdf s_requester = new(0, 0, 0);
    private static readonly Bdf s_completer = new(1, 0, 0);

    private static IEnumerable<TestCaseData> Lines
    {
        get
        {
            TlpHeader read = TlpHeader.MemoryRead(0x1_0000_0005, 6, s_requester, 300);
            yield return new TestCaseData(
                TlpHeader.MemoryWrite(0xFEE0_0000, 4, s_requester, 5),
                "MWr32 req=00:00.0 tag=5 addr=0xfee00000 len=4");
            yield return new TestCaseData(
                read with
                {
                    TrafficClass = 2,
                    Attributes = TlpAttributes.NoSnoop,
                    AddressType = AddressType.Translated,
                },
                "MRd64 req=00:00.0 tag=300 addr=0x100000004 len=8 fbe=e lbe=7 tc=2 attr=NoSnoop at=Translated");
            yield return new TestCaseData(
                TlpExtensions.Decode("40010001 00001F0F 00001002"),
                "MWr32 req=00:00.0 tag=31 addr=0x1000 len=4 th");
            yield return new TestCaseData(
                TlpHeader.ConfigurationRead(s_completer, 0x102, 2, s_requester, 7),
                "CfgRd0 req=00:00.0 tag=7 dst=01:00.0 reg=0x100 len=4 fbe=c lbe=0");
            yield return new TestCaseData(
                TlpHeader.CompletionData(read, s_completer) with { Poisoned = true },
                "CplD req=00:00.0 tag=300 cpl=01:00.0 status=SC bc=6 la=0x05 len=8 poisoned");
            yield return new TestCaseData(
                TlpHeader.Completion(read, s_completer, (CompletionStatus)3),
                "Cpl req=00:00.0 tag=300 cpl=01:00.0 status=reserved(3) bc=6 la=0x05 len=0");
            yield return new TestCaseData(
                TlpHeader.Message(MessageCode.Assert_INTA, s_completer),
                "Msg req=01:00.0 tag=0 code=Assert_INTA route=Local data=0x0000000000000000 len=0");
        }
    }

    [TestCaseSource(nameof(Lines))]
    public void HeaderReadsAsOneLine(TlpHeader header, string line) =>
        Assert.That(header.ToString(), Is.EqualTo(line));

    [Test]
    public void IdHasItsThreeNumbers()
    {
        var id = new Bdf(0xAB, 0x1F, 7);
        Assert.That(id.Value, Is.EqualTo(0xABFF));
        Assert.That((id.Bus, id.Device, id.Function), Is.EqualTo((0xAB, 0x1F, 7)));
        Assert.That(id.ToString(), Is.EqualTo("ab:1f.7"));
    }
}
