using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.Protocol.Link;

/// <summary>
/// Holds completions back that the receiving thread has laid out, until it is certain, for all of them at once, that
/// they do not pass pending posted writes. Called by that thread.
/// </summary>
internal interface IReadHolder
{
    /// <summary>Whether the held completions may go out now.</summary>
    bool MayAnswer();

    /// <summary>Answers a read in another way: its completion was withdrawn.</summary>
    void AnswerLater(in TlpHeader request);
}
