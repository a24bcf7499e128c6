using EpfTest.Protocol.Pcie.Tlp;
using FsCheck;
using FsCheck.Fluent;

namespace EpfTest.Unit.Pcie.Tlp;

[TestFixture]
internal class HeaderPropertyTests
{
    private static readonly Config s_thorough = Config.QuickThrowOnFailure.WithMaxTest(5000);

    [Test]
    public void ValidHeadersSurviveEncodeAndDecode() =>
        Prop.ForAll(TlpGen.Header.ToArb(), header =>
        {
            var tlp = new byte[header.HeaderLength + header.PayloadLength];
            return header.Check() == TlpError.None
                && header.Encode(tlp) == header.HeaderLength
                && TlpHeader.TryDecode(tlp, out TlpHeader decoded, out TlpError error)
                && error == TlpError.None
                && decoded == header;
        }).Check(s_thorough);

    [Test]
    public void GarbageIsRefusedOrDecodedToWhatEncodesToAValidHeader() =>
        Prop.ForAll(Garbage.ToArb(), bytes =>
        {
            bool valid = TlpHeader.TryDecode(bytes, out TlpHeader header, out TlpError error);
            bool validHeader = TlpHeader.TryDecodeHeader(bytes, out TlpHeader again, out _);
            _ = again.ToString();
            var encoded = new byte[TlpLimits.Header4Dw];
            again.Encode(encoded);
            return valid == (error == TlpError.None)
                && (!valid || header == again)
                && (!validHeader || (again.Check() == TlpError.None && DecodesTo(encoded, again)));
        }).Check(s_thorough);

    [Test]
    public void ByteEnablesRecoverTheByteRange() =>
        Prop.ForAll(TlpGen.RequestRange.ToArb(), range =>
        {
            TlpHeader header = TlpHeader.MemoryRead(range.Address, range.Length, default, 0);
            ulong expected = range.Length == 0 ? range.Address & ~3UL : range.Address;
            return header.FirstByteAddress == expected
                && header.ByteLength == range.Length
                && header.IsContiguous
                && header.Is4Dw == (range.Address > uint.MaxValue)
                && Enumerable.Range(0, header.ByteLength).All(header.IsByteEnabled);
        }).Check(s_thorough);

    [Test]
    public void CompletionAnswersItsRequest() =>
        Prop.ForAll(TlpGen.Header.Where(h => h.IsNonPosted).ToArb(), request =>
        {
            TlpHeader cpl = TlpHeader.Completion(request, new Bdf(0x42), CompletionStatus.UnsupportedRequest);
            return cpl.Check() == TlpError.None
                && cpl.Tag == request.Tag
                && cpl.Requester == request.Requester
                && cpl.TrafficClass == request.TrafficClass
                && cpl.Attributes == request.Attributes
                && cpl.Completer.Value == 0x42
                && cpl.ByteCount == request.CompletionByteCount;
        }).Check(s_thorough);

    // Random first bytes seldom are a TLP: half of the samples start with a Fmt/Type that is.
    private static Gen<byte[]> Garbage
    {
        get
        {
            Gen<byte> any = Gen.Choose(0, 255).Select(v => (byte)v);
            Gen<byte> kind = Gen.Elements(Enum.GetValues<TlpKind>()).Select(k => (byte)k);
            return from length in Gen.Choose(0, 64)
                   from bytes in any.ArrayOf(length)
                   from start in Gen.OneOf(any, kind)
                   select length == 0 ? bytes : [start, .. bytes[1..]];
        }
    }

    private static bool DecodesTo(byte[] bytes, in TlpHeader expected) =>
        TlpHeader.TryDecodeHeader(bytes, out TlpHeader decoded, out _) && decoded == expected;
}
