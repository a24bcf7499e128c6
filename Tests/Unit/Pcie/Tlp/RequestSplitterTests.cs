using EpfTest.Protocol.Pcie.Tlp;
using FsCheck;
using FsCheck.Fluent;

namespace EpfTest.Unit.Pcie.Tlp;

[TestFixture]
internal class RequestSplitterTests
{
    [Test]
    public void PiecesCoverTheRangeWithinEveryLimit()
    {
        var transfers = from address in TlpGen.Address
                        from length in Gen.OneOf(Gen.Choose(0, 600), Gen.Choose(0, 20_000))
                        from limit in TlpGen.PayloadSize
                        where address <= ulong.MaxValue - 20_000
                        select (address, length, limit);
        Prop.ForAll(transfers.ToArb(), t =>
        {
            long covered = 0;
            int count = 0;
            foreach (RequestPiece piece in new RequestSplitter(t.address, t.length, t.limit))
            {
                TlpHeader header = TlpHeader.MemoryWrite(piece.Address, piece.Length, default);
                bool valid = piece.Offset == covered
                    && piece.Address == t.address + (ulong)covered
                    && piece.Length > 0
                    && header.Check() == TlpError.None
                    && header.PayloadLength <= t.limit
                    && (count == 0 || piece.Address % (ulong)t.limit == 0);
                if (!valid)
                {
                    return false;
                }

                covered += piece.Length;
                count++;
            }

            return covered == t.length && count <= (t.length / t.limit) + 2;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(5000));
    }

    [TestCase(0x1010UL, 256, "256", Description = "what fits is one request, even if unaligned")]
    [TestCase(0x1011UL, 256, "239 17", Description = "5 + 252 bytes would be 65 DW")]
    [TestCase(0x1FFEUL, 4, "2 2", Description = "4 KiB boundary")]
    [TestCase(0x1080UL, 640, "128 256 256", Description = "aligned after the first")]
    [TestCase(ulong.MaxValue - 3, 4, "4", Description = "the end of the address space")]
    [TestCase(0x1000UL, 0, "", Description = "nothing")]
    public void PiecesOf256BytesAtMostAre(ulong address, int length, string expected) =>
        Assert.That(string.Join(' ', Lengths(address, length, 256)), Is.EqualTo(expected));

    [Test]
    public void RangeDoesNotGoBeyondTheAddressSpace() =>
        Assert.That(() => Lengths(ulong.MaxValue - 3, 5, 128), Throws.TypeOf<ArgumentOutOfRangeException>());

    [TestCase(64)]
    [TestCase(8192)]
    [TestCase(384)]
    public void LimitIsAPayloadSize(int limit) =>
        Assert.That(() => Lengths(0, 1, limit), Throws.TypeOf<ArgumentOutOfRangeException>());

    private static int[] Lengths(ulong address, long length, int limit)
    {
        List<int> lengths = [];
        foreach (RequestPiece piece in new RequestSplitter(address, length, limit))
        {
            lengths.Add(piece.Length);
        }

        return [.. lengths];
    }
}
