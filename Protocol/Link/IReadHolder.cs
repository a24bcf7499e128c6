using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.Protocol.Link;

/// <summary>
/// Holds completions back that the receiving thread has laid out, until it is known, for several at once, that they pass
/// nothing that they may not pass. Called by that thread.
/// </summary>
internal interface IReadHolder
{
    /// <summary>Whether all that is held may go out now.</summary>
    bool MayAnswer();

    /// <summary>Answers a read otherwise: its completion has been dropped.</summary>
    void AnswerLater(in TlpHeader request);
}
