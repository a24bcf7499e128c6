using EpfTest.Kit;
using EpfTest.Protocol.Pcie.Tlp;
using FsCheck;
using FsCheck.Fluent;

namespace EpfTest.Unit.Pcie.Tlp;

/// <summary>Splits reads into completions and puts them together again, over encoded bytes.</summary>
[TestFixture]
internal class CompletionTests
{
    private static readonly Bdf s_requester = new(0, 3, 0);
    private static readonly Bdf s_completer = new(1, 0, 0);

    [Test]
    public void CompletionsObeyRCBAndMPSAndReassembleToTheSameBytes()
    {
        var reads = from range in TlpGen.RequestRange
                    from tag in TlpGen.Tag
                    from rcb in TlpGen.Rcb
                    from mps in TlpGen.PayloadSize
                    select (range, tag, rcb, mps);
        Prop.ForAll(reads.ToArb(), r =>
        {
            TlpHeader request = TlpHeader.MemoryRead(r.range.Address, r.range.Length, s_requester, r.tag);
            byte[] memory = TestBytes.From(r.range.Address, r.range.Length);
            var received = new byte[r.range.Length];
            var assembler = new CompletionAssembler(request);
            var tlp = new byte[TlpLimits.Header4Dw + TlpLimits.MaxPayload];
            int covered = 0;
            foreach (CompletionPiece piece in new CompletionSplitter(request, s_completer, r.rcb, r.mps))
            {
                int length = piece.Header.Encode(tlp);
                length += TlpPayload.Pack(piece.Header, memory.AsSpan(piece.Offset, piece.Length), tlp.AsSpan(length));
                ulong end = r.range.Address + (ulong)(piece.Offset + piece.Length);
                bool isLast = piece.Offset + piece.Length == r.range.Length;
                bool valid = piece.Offset == covered
                    && assembler.Result == CompletionResult.InProgress
                    && TlpHeader.TryDecode(tlp.AsSpan(0, length), out TlpHeader header, out _, r.mps)
                    && (isLast || end % (ulong)r.rcb == 0)
                    && header.ByteCount == Math.Max(r.range.Length - covered, 1)
                    && assembler.Accept(header, tlp.AsSpan(header.HeaderLength, header.PayloadLength), received)
                        == (isLast ? CompletionResult.Done : CompletionResult.InProgress);
                if (!valid)
                {
                    return false;
                }

                covered += piece.Length;
            }

            return assembler.Result == CompletionResult.Done && received.AsSpan().SequenceEqual(memory);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(5000));
    }

    [Test]
    public void FirstCompletionEndsAtTheBoundaryAndCountsDown()
    {
        // 0x1074 to 0x1194, MPS 128: cut at the last multiple of 64 that 128 bytes reach.
        TlpHeader request = TlpHeader.MemoryRead(0x1074, 0x120, s_requester, 1);
        List<(int Offset, int Length, int ByteCount, int LowerAddress)> pieces = [];
        foreach (CompletionPiece p in new CompletionSplitter(request, s_completer, 64, 128))
        {
            pieces.Add((p.Offset, p.Length, p.Header.ByteCount, p.Header.LowerAddress));
        }

        Assert.That(pieces, Is.EqualTo(new[]
        {
            (0x00, 0x4C, 0x120, 0x74),
            (0x4C, 0x80, 0x0D4, 0x40),
            (0xCC, 0x54, 0x054, 0x40),
        }));
    }

    [Test]
    public void ZeroLengthReadHasOneCompletionWithoutBytes()
    {
        TlpHeader request = TlpHeader.MemoryRead(0x1000, 0, s_requester, 1);
        var assembler = new CompletionAssembler(request);
        int count = 0;
        foreach (CompletionPiece piece in new CompletionSplitter(request, s_completer, 128, 128))
        {
            Assert.That(piece.Length, Is.Zero);
            Assert.That(assembler.Accept(piece.Header, new byte[4], []), Is.EqualTo(CompletionResult.Done));
            count++;
        }

        Assert.That(count, Is.EqualTo(1));
    }

    [Test]
    public void RegisterReadsReturnTheirWholeDW()
    {
        TlpHeader request = TlpHeader.ConfigurationRead(s_completer, 6, 2, s_requester, 1);
        var assembler = new CompletionAssembler(request);
        var destination = new byte[request.ReadLength];
        TlpHeader completion = TlpHeader.CompletionData(request, s_completer);
        Assert.That(assembler.Accept(completion, [1, 2, 3, 4], destination), Is.EqualTo(CompletionResult.Done));
        Assert.That(destination, Is.EqualTo(new byte[] { 1, 2, 3, 4 }));
    }

    [Test]
    public void AtomicOperationsReturnOneOperand()
    {
        TlpHeader request = TlpExtensions.Decode("4E000004 00180100 00001008");
        var assembler = new CompletionAssembler(request);
        var destination = new byte[request.ReadLength];
        Assert.That(destination, Has.Length.EqualTo(8));
        Assert.That(
            assembler.Accept(TlpHeader.CompletionData(request, s_completer), new byte[8], destination),
            Is.EqualTo(CompletionResult.Done));
    }

    [TestCase(CompletionStatus.SuccessfulCompletion, CompletionResult.Done)]
    [TestCase(CompletionStatus.UnsupportedRequest, CompletionResult.UnsupportedRequest)]
    [TestCase(CompletionStatus.CompleterAbort, CompletionResult.CompleterAbort)]
    [TestCase(CompletionStatus.ConfigurationRequestRetryStatus, CompletionResult.RetryStatus)]
    [TestCase((CompletionStatus)7, CompletionResult.UnsupportedRequest)]
    public void StatusEndsAWrite(CompletionStatus status, CompletionResult expected)
    {
        TlpHeader request = TlpHeader.ConfigurationWrite(s_completer, 4, 2, s_requester, 1);
        var assembler = new CompletionAssembler(request);
        TlpHeader completion = TlpHeader.Completion(request, s_completer, status);
        Assert.That(assembler.Accept(completion, [], []), Is.EqualTo(expected));
        Assert.That(assembler.Result, Is.EqualTo(expected));
        Assert.That(assembler.Accept(completion, [], []), Is.EqualTo(CompletionResult.Unexpected));
    }

    [Test]
    public void FailureInTheMiddleEndsARead()
    {
        TlpHeader request = TlpHeader.MemoryRead(0x1000, 256, s_requester, 1);
        var assembler = new CompletionAssembler(request);
        var destination = new byte[256];
        TlpHeader first = TlpHeader.CompletionData(request, s_completer, 0, 128);
        // 128 bytes remain.
        TlpHeader abort = TlpExtensions.Decode("0A000000 01008080 00180100");
        Assert.That(assembler.Accept(first, new byte[128], destination), Is.EqualTo(CompletionResult.InProgress));
        Assert.That(abort.ByteCount, Is.EqualTo(128));
        Assert.That(assembler.Accept(abort, [], destination), Is.EqualTo(CompletionResult.CompleterAbort));
    }

    [Test]
    public void PoisonedDataIsNotDeliveredAndTheRestIsAwaited()
    {
        TlpHeader request = TlpHeader.MemoryRead(0x1000, 256, s_requester, 1);
        var assembler = new CompletionAssembler(request);
        var destination = new byte[256];
        byte[] data = [.. Enumerable.Repeat((byte)0xAB, 128)];
        TlpHeader first = TlpHeader.CompletionData(request, s_completer, 0, 128) with { Poisoned = true };
        TlpHeader last = TlpHeader.CompletionData(request, s_completer, 128, 128);
        Assert.That(assembler.Accept(first, data, destination), Is.EqualTo(CompletionResult.InProgress));
        Assert.That(assembler.Accept(last, data, destination), Is.EqualTo(CompletionResult.Poisoned));
        Assert.That(destination[..128], Is.All.Zero);
        Assert.That(destination[128..], Is.All.EqualTo(0xAB));
    }

    [Test]
    public void CompletionOfAnotherRequestChangesNothing()
    {
        TlpHeader request = TlpHeader.MemoryRead(0x1000, 4, s_requester, 1);
        var assembler = new CompletionAssembler(request);
        TlpHeader otherTag = TlpHeader.CompletionData(TlpHeader.MemoryRead(0x1000, 4, s_requester, 257), s_completer);
        TlpHeader otherId = TlpHeader.CompletionData(TlpHeader.MemoryRead(0x1000, 4, s_completer, 1), s_completer);
        Assert.That(assembler.Accept(otherTag, new byte[4], new byte[4]), Is.EqualTo(CompletionResult.Unexpected));
        Assert.That(assembler.Accept(otherId, new byte[4], new byte[4]), Is.EqualTo(CompletionResult.Unexpected));
        Assert.That(assembler.Accept(request, [], new byte[4]), Is.EqualTo(CompletionResult.Unexpected));
        Assert.That(assembler.Result, Is.EqualTo(CompletionResult.InProgress));
    }

    [Test]
    public void AssemblerByDefaultExpectsNothing()
    {
        CompletionAssembler assembler = default;
        TlpHeader completion = TlpHeader.CompletionData(TlpHeader.MemoryRead(0, 4, default, 0), default);
        Assert.That(assembler.Accept(completion, new byte[4], new byte[4]), Is.EqualTo(CompletionResult.Unexpected));
    }

    private static IEnumerable<TestCaseData> Mismatches
    {
        get
        {
            TlpHeader request = TlpHeader.MemoryRead(0x1000, 256, s_requester, 1);
            yield return Case(
                "doubled or lost",
                TlpHeader.CompletionData(request, s_completer, 128, 128),
                128,
                CompletionResult.ByteCountMismatch);
            yield return Case(
                "other Lower Address",
                TlpHeader.CompletionData(TlpHeader.MemoryRead(0x1040, 256, s_requester, 1), s_completer),
                256,
                CompletionResult.LowerAddressMismatch);
            yield return Case(
                "other TC",
                TlpHeader.CompletionData(request, s_completer) with { TrafficClass = 1 },
                256,
                CompletionResult.AttributesMismatch);
            yield return Case(
                "other Attr",
                TlpHeader.CompletionData(request, s_completer) with { Attributes = TlpAttributes.NoSnoop },
                256,
                CompletionResult.AttributesMismatch);
            yield return Case(
                "no data",
                TlpHeader.Completion(request, s_completer, CompletionStatus.SuccessfulCompletion),
                0,
                CompletionResult.KindMismatch);
            yield return Case(
                "payload cut short", TlpHeader.CompletionData(request, s_completer), 252, CompletionResult.Overrun);
        }
    }

    [TestCaseSource(nameof(Mismatches))]
    public void CompletionThatDoesNotSuitIsAnError(TlpHeader completion, int payload, CompletionResult expected)
    {
        var assembler = new CompletionAssembler(TlpHeader.MemoryRead(0x1000, 256, s_requester, 1));
        Assert.That(assembler.Accept(completion, new byte[payload], new byte[256]), Is.EqualTo(expected));
        Assert.That(assembler.Result, Is.EqualTo(expected));
    }

    private static TestCaseData Case(string name, TlpHeader completion, int payload, CompletionResult expected) =>
        new TestCaseData(completion, payload, expected).SetArgDisplayNames(name);
}
