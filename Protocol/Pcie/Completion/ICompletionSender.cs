using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.Protocol.Pcie.Completion;

/// <summary>Sends what a completer answers.</summary>
internal interface ICompletionSender
{
    /// <summary>Sends a completion without data.</summary>
    void SendCompletion(in TlpHeader request, CompletionStatus status);

    /// <summary>Sends the data of a read, in as many completions as RCB and MPS (in bytes) ask for.</summary>
    void SendData(in TlpHeader request, ReadOnlySpan<byte> data, int readCompletionBoundary, int maxPayload);

    /// <summary>
    /// Begins a completion that is sent together with others, after one check that it passes no posted write.
    /// </summary>
    /// <returns>Where the data goes; empty if <see cref="SendData"/> must be used.</returns>
    Span<byte> BeginHeld(in TlpHeader request, int maxPayload, out int frameLength);

    /// <summary>The data is in place.</summary>
    void EndHeld(in TlpHeader request, int frameLength);
}
