using EpfTest.Protocol.Link;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.Kit.Link;

/// <summary>Completes requests from an array of bytes, as another implementation might cut the completions.</summary>
internal sealed class MemoryCompleter(byte[] memory, int readCompletionBoundary, int maxPayload) : ILinkHandler
{
    private static readonly Bdf s_id = new(0, 0, 0);
    private readonly List<int> _payloads = [];
    private readonly List<int> _reads = [];

    public LinkConnection? Link { get; set; }

    /// <summary>What is answered instead of data.</summary>
    public CompletionStatus Status { get; set; } = CompletionStatus.SuccessfulCompletion;

    /// <summary>Bytes of each write that came.</summary>
    public IReadOnlyList<int> Payloads => _payloads;

    /// <summary>Bytes that each read asked for.</summary>
    public IReadOnlyList<int> Reads => _reads;

    public List<TlpHeader> Requests { get; } = [];

    public void HandleTlp(FunctionId function, in TlpHeader header, ReadOnlySpan<byte> payload)
    {
        lock (Requests)
        {
            Requests.Add(header);
        }

        if (Status != CompletionStatus.SuccessfulCompletion)
        {
            if (header.IsNonPosted)
            {
                Link!.Completions.Send(function, header, s_id, Status);
            }
        }
        else if (header.HasPayload)
        {
            _payloads.Add(header.PayloadLength);
            ReadOnlySpan<byte> bytes = TlpPayload.Unpack(header, payload);
            for (int i = 0; i < bytes.Length; i++)
            {
                int at = (int)header.FirstByteAddress + i;
                memory[at] = header.IsByteEnabled(i) ? bytes[i] : memory[at];
            }

            if (header.IsNonPosted)
            {
                Link!.Completions.Send(function, header, s_id, Status);
            }
        }
        else if (header.ExpectsData)
        {
            _reads.Add(header.Length * TlpLimits.Dw);
            int first = (int)(header.IsMemory ? header.FirstByteAddress : header.Address);
            Link!.Completions.SendData(
                function,
                header,
                s_id,
                memory.AsSpan(first, header.ReadLength),
                readCompletionBoundary,
                maxPayload);
        }
    }

    public bool HandleControl(
        FrameKind kind, FunctionId function, ReadOnlySpan<byte> payload, FileDescriptor? descriptor) =>
        true;
}
