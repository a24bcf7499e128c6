using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.Unit.Pcie.Tlp;

/// <summary>The hot path leaves nothing to the garbage collector.</summary>
[TestFixture]
internal class AllocationTests
{
    private readonly byte[] _tlp = new byte[TlpLimits.Header4Dw + TlpLimits.MaxPayload];
    private readonly byte[] _memory = new byte[16384];
    private readonly byte[] _destination = new byte[TlpLimits.MaxPayload];
    private readonly TagPool _tags = new();

    [Test]
    public void EncodeDecodeSplitAndAssembleAllocateNothing()
    {
        Transfer();
        long before = GC.GetAllocatedBytesForCurrentThread();
        int done = 0;
        for (int i = 0; i < 100; i++)
        {
            done += Transfer();
        }

        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.That(allocated, Is.Zero);
        Assert.That(done, Is.GreaterThan(100));
    }

    private int Transfer()
    {
        int done = 0;
        foreach (RequestPiece piece in new RequestSplitter(0x1_0000_0FED, 10_000, 512))
        {
            TlpHeader write = TlpHeader.MemoryWrite(piece.Address, piece.Length, default);
            int length = write.Encode(_tlp);
            length += TlpPayload.Pack(write, _memory.AsSpan((int)piece.Offset, piece.Length), _tlp.AsSpan(length));
            if (TlpHeader.TryDecode(_tlp.AsSpan(0, length), out TlpHeader received, out _))
            {
                TlpExtensions.Scatter(
                    received, _tlp.AsSpan(received.HeaderLength, received.PayloadLength), _destination);
            }

            // A refusal must not cost more than an acceptance.
            done += TlpHeader.TryDecode(_tlp.AsSpan(0, length - 1), out _, out TlpError error) ? 1 : 0;
            done += error.Describe().Length == 0 ? 1 : 0;
            done += Read(piece.Address, piece.Length);
        }

        return done;
    }

    private int Read(ulong address, int count)
    {
        if (!_tags.TryAllocate(out int tag))
        {
            return 0;
        }

        TlpHeader request = TlpHeader.MemoryRead(address, count, default, tag);
        var assembler = new CompletionAssembler(request);
        foreach (CompletionPiece piece in new CompletionSplitter(request, default, 64, 128))
        {
            int length = piece.Header.Encode(_tlp);
            length += TlpPayload.Pack(piece.Header, _memory.AsSpan(piece.Offset, piece.Length), _tlp.AsSpan(length));
            if (TlpHeader.TryDecode(_tlp.AsSpan(0, length), out TlpHeader completion, out _))
            {
                ReadOnlySpan<byte> payload = _tlp.AsSpan(completion.HeaderLength, completion.PayloadLength);
                assembler.Accept(completion, payload, _destination);
            }
        }

        _tags.Release(tag);
        return assembler.Result == CompletionResult.Done ? 1 : 0;
    }
}
