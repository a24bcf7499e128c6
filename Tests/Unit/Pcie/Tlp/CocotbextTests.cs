using System.Globalization;
using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.Unit.Pcie.Tlp;

/// <summary>Encodes and decodes what cocotbext-pcie encoded, field by field.</summary>
[TestFixture]
internal class CocotbextTests
{
    private static IEnumerable<TestCaseData> Vectors =>
        CocotbextVectors.All.Select(
            (v, i) => new TestCaseData(v.Fields, v.Bytes).SetArgDisplayNames($"{i}: {v.Fields}"));

    [TestCaseSource(nameof(Vectors))]
    public void DecodesToTheFieldsAndEncodesToTheBytes(string fields, string hex)
    {
        Dictionary<string, string> expected = Parse(fields);
        byte[] tlp = Convert.FromHexString(hex);

        Assert.That(TlpHeader.TryDecode(tlp, out TlpHeader header, out TlpError error), Is.True, error.Describe());
        foreach ((string name, string value) in expected)
        {
            Assert.That(FieldOf(header, name), Is.EqualTo(value), name);
        }

        var encoded = new byte[header.HeaderLength];
        header.Encode(encoded);
        Assert.That(encoded, Is.EqualTo(tlp[..header.HeaderLength]));
    }

    [TestCaseSource(nameof(Vectors))]
    public void FactoriesMakeTheSameRequestFromTheByteRange(string fields, string hex)
    {
        Dictionary<string, string> f = Parse(fields);
        byte[] tlp = Convert.FromHexString(hex);
        Assert.That(TlpHeader.TryDecode(tlp, out TlpHeader expected, out _), Is.True);
        if (!f.TryGetValue("byteaddr", out string? byteAddress)
            || expected.Kind is TlpKind.MRdLk or TlpKind.CfgRd1 or TlpKind.CfgWr1)
        {
            Assert.Pass("Not a request with a factory that takes a byte range.");
            return;
        }

        ulong address = ulong.Parse(byteAddress, CultureInfo.InvariantCulture);
        int length = Number(f, "bytes");
        var requester = new Bdf((ushort)Number(f, "req"));
        int tag = Number(f, "tag");
        TlpHeader made = expected.Kind switch
        {
            TlpKind.MRd => TlpHeader.MemoryRead(address, length, requester, tag),
            TlpKind.MWr => TlpHeader.MemoryWrite(address, length, requester, tag),
            TlpKind.IORd => TlpHeader.IoRead((uint)address, length, requester, tag),
            TlpKind.IOWr => TlpHeader.IoWrite((uint)address, length, requester, tag),
            TlpKind.CfgRd0 => TlpHeader.ConfigurationRead(expected.Target, (int)address, length, requester, tag),
            _ => TlpHeader.ConfigurationWrite(expected.Target, (int)address, length, requester, tag),
        };
        made = made with
        {
            TrafficClass = Number(f, "tc"),
            Attributes = (TlpAttributes)Number(f, "attr"),
            Poisoned = Number(f, "ep") != 0,
            AddressType = (AddressType)Number(f, "at"),
        };
        Assert.That(made, Is.EqualTo(expected));
        if (made.HasPayload)
        {
            byte[] packed = new byte[made.PayloadLength];
            TlpPayload.Pack(made, TlpPayload.Unpack(expected, tlp.AsSpan(made.HeaderLength)), packed);
            Assert.That(packed, Is.EqualTo(tlp[made.HeaderLength..]));
        }
    }

    private static string FieldOf(in TlpHeader header, string name) => name switch
    {
        "kind" => header.Kind.ToString(),
        "dw" => Text((ulong)header.HeaderLength / 4),
        "tc" => Text((ulong)header.TrafficClass),
        "attr" => Text((ulong)header.Attributes),
        "ep" => Text(header.Poisoned ? 1UL : 0UL),
        "at" => Text((ulong)header.AddressType),
        "length" => Text((ulong)header.Length),
        "req" => Text(header.Requester.Value),
        "tag" => Text((ulong)header.Tag),
        "fbe" => Text((ulong)header.FirstByteEnables),
        "lbe" => Text((ulong)header.LastByteEnables),
        "addr" => Text(header.Address),
        "byteaddr" => Text(header.FirstByteAddress),
        "bytes" => Text((ulong)header.ByteLength),
        "dst" => Text(header.Target.Value),
        "cpl" => Text(header.Completer.Value),
        "status" => Text((ulong)header.Status),
        "bc" => Text((ulong)header.ByteCount),
        "la" => Text((ulong)header.LowerAddress),
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "No such field."),
    };

    private static Dictionary<string, string> Parse(string fields) =>
        fields.Split(' ').Select(f => f.Split('=')).ToDictionary(f => f[0], f => f[1]);

    private static int Number(Dictionary<string, string> fields, string name) =>
        int.Parse(fields[name], CultureInfo.InvariantCulture);

    private static string Text(ulong value) => value.ToString(CultureInfo.InvariantCulture);
}
