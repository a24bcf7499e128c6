using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.Fuzz;

/// <summary>
/// The TLP decoder. The input is a list of TLPs, each after a length byte (in units of 4 bytes, modulo the rest). A TLP
/// that decodes is encoded again, and split and assembled as its kind allows. Completions go to the assembler of the
/// last request.
/// </summary>
internal sealed class TlpTarget : FuzzTarget
{
    private const int ReadCompletionBoundary = 64;
    private const int MaxPayload = 128;

    private static readonly Bdf s_completer = new(1, 0, 0);

    private readonly byte[] _pattern = new byte[TlpLimits.MaxPayload];
    private readonly byte[] _whole = new byte[TlpLimits.MaxPayload];
    private readonly byte[] _frame = new byte[TlpLimits.Header4Dw + TlpLimits.MaxPayload + TlpLimits.Dw];

    public TlpTarget()
    {
        for (int i = 0; i < _pattern.Length; i++)
        {
            _pattern[i] = (byte)(i * 7);
        }
    }

    public override void Execute(ReadOnlySpan<byte> input)
    {
        CompletionAssembler assembler = default;
        int expected = 0;
        while (!input.IsEmpty)
        {
            int length = Math.Min(input[0] * TlpLimits.Dw, input.Length - 1);
            ReadOnlySpan<byte> tlp = input.Slice(1, length);
            input = input[(1 + length)..];
            if (!TlpHeader.TryDecode(tlp, out TlpHeader header, out TlpError error))
            {
                Expect(
                    error != TlpError.None && header == default && error.Describe().Length > 0,
                    "refused without a reason");
                continue;
            }

            ReadOnlySpan<byte> payload = tlp[header.HeaderLength..];
            EncodeAgain(header, payload);
            if (header.IsCompletion)
            {
                assembler.Accept(header, payload, out int offset, out ReadOnlySpan<byte> data);
                Expect(offset + data.Length <= expected, "a completion has more data than was asked for");
            }
            else if (header.IsNonPosted)
            {
                assembler = new CompletionAssembler(header);
                expected = header.ReadLength;
                if (header.IsMemoryRead && header.FirstByteEnables != 0)
                {
                    Complete(header);
                }
            }
        }
    }

    /// <summary>A decoded TLP encodes to the same one, apart from bits that receivers ignore.</summary>
    private void EncodeAgain(in TlpHeader header, ReadOnlySpan<byte> payload)
    {
        int length = header.Encode(_frame);
        payload.CopyTo(_frame.AsSpan(length));
        Expect(
            TlpHeader.TryDecode(_frame.AsSpan(0, length + payload.Length), out TlpHeader again, out _)
                && again == header,
            "what was encoded decodes to something else");
        Expect(header.ToString().Length > 0, "no text");
        if (!header.HasPayload || header.IsMessage)
        {
            return;
        }

        ReadOnlySpan<byte> bytes = TlpPayload.Unpack(header, payload);
        Expect(header.Poisoned || bytes.Length <= payload.Length, "more was unpacked than was there");
        if (header.IsMemory && !header.IsAtomicOp)
        {
            ulong last = header.FirstByteAddress + (ulong)Math.Max(bytes.Length - 1, 0);
            ulong first = header.FirstByteAddress;
            Expect(last >= first && first / 4096 == last / 4096, "a write crosses 4 KiB");
        }
    }

    /// <summary>A read's data is the same after splitting into completions and assembling them.</summary>
    private void Complete(in TlpHeader request)
    {
        int length = request.ReadLength;
        var assembler = new CompletionAssembler(request);
        CompletionResult result = CompletionResult.InProgress;
        var splitter = new CompletionSplitter(request, s_completer, ReadCompletionBoundary, MaxPayload);
        foreach (CompletionPiece piece in splitter)
        {
            Expect(result == CompletionResult.InProgress, "a completion after the last");
            int header = piece.Header.Encode(_frame);
            Span<byte> payload = _frame.AsSpan(header, piece.Header.PayloadLength);
            TlpPayload.Pack(piece.Header, _pattern.AsSpan(piece.Offset, piece.Length), payload);
            Expect(
                TlpHeader.TryDecode(_frame.AsSpan(0, header + payload.Length), out TlpHeader decoded, out _),
                "a completion of ours is malformed");
            result = assembler.Accept(decoded, payload, out int offset, out ReadOnlySpan<byte> data);
            data.CopyTo(_whole.AsSpan(offset, length - offset));
        }

        Expect(result == CompletionResult.Done, $"completions of ours end in {result}");
        Expect(
            _whole.AsSpan(0, length).SequenceEqual(_pattern.AsSpan(0, length)), "our completions carry other data");
    }

    private static void Expect(bool holds, string what)
    {
        if (!holds)
        {
            throw new FindingException(what);
        }
    }
}
