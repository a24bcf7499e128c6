using EpfTest.Protocol.Pcie.Completion;
using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.Unit.Pcie.Completion;

/// <summary>Records what a completer sends.</summary>
internal sealed class FakeSender : ICompletionSender
{
    private readonly byte[] _held = new byte[4096];

    /// <summary>Completions without data: their status. With data: bytes, boundary and MPS.</summary>
    public List<string> Sent { get; } = [];

    /// <summary>Data of the last read that was answered.</summary>
    public byte[] Data { get; private set; } = [];

    /// <summary>Whether reads are answered together.</summary>
    public bool Holds { get; set; }

    public void SendCompletion(in TlpHeader request, CompletionStatus status) => Sent.Add($"{status}");

    public void SendData(in TlpHeader request, ReadOnlySpan<byte> data, int readCompletionBoundary, int maxPayload)
    {
        Data = data.ToArray();
        Sent.Add($"data {data.Length} rcb {readCompletionBoundary} mps {maxPayload}");
    }

    public Span<byte> BeginHeld(in TlpHeader request, int maxPayload, out int frameLength)
    {
        frameLength = request.ReadLength;
        return Holds ? _held.AsSpan(0, request.ReadLength) : [];
    }

    public void EndHeld(in TlpHeader request, int frameLength)
    {
        Data = _held[..frameLength];
        Sent.Add($"held {frameLength}");
    }
}
