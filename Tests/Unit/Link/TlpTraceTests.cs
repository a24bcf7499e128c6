using EpfTest.Kit;
using EpfTest.Kit.Link;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.Tlp;
using Microsoft.Extensions.Logging;

namespace EpfTest.Unit.Link;

/// <summary>At <c>--log-level Trace</c> each TLP of the link is a line of the log, on either side.</summary>
internal sealed class TlpTraceTests
{
    private static readonly Bdf s_requester = new(1, 0, 2);

    private static readonly string[] s_request = ["MRd32", "addr=0x40", "len=8", "req=01:00.2", "tag=0"];
    private static readonly string[] s_completion = ["CplD", "status=SC", "req=01:00.2", "tag=0", "len=8"];
    private static readonly string[] s_write = ["MWr32", "addr=0x80", "len=4", "req=01:00.2"];
    private static readonly string[] s_message = ["Msg", "code=PM_PME", "req=01:00.2"];

    [Test]
    public void RequestsCompletionsAndMessagesAreLoggedInBothDirections()
    {
        using var ours = new RecordingLogger { Level = LogLevel.Trace };
        using var theirs = new RecordingLogger { Level = LogLevel.Trace };
        Exchange(ours, theirs);
        Expect(ours, "sent", s_request, s_write, s_message);
        Expect(theirs, "received", s_request, s_write, s_message);
        Expect(theirs, "sent", s_completion);
        Expect(ours, "received", s_completion);
    }

    [Test]
    public void NothingIsLoggedAboveTrace()
    {
        using var ours = new RecordingLogger();
        using var theirs = new RecordingLogger();
        Exchange(ours, theirs);
        Assert.That(ours.Has("function 2") || theirs.Has("function 2"), Is.False);
    }

    /// <summary>A read, a write and a message for function 2, all of which have arrived.</summary>
    private static void Exchange(RecordingLogger ours, RecordingLogger theirs)
    {
        var completer = new MemoryCompleter(new byte[0x100], 64, 256);
        using LinkPair pair = LinkPair.Open(new TestLinkHandler(), completer, ours, theirs);
        completer.Link = pair.Right.Connection;
        TlpRequester requester = pair.Left.Connection.Requester;
        byte[] data = new byte[8];
        Assert.That(
            requester.ReadMemory(FunctionId.FromNumber(2), s_requester, 0x40, data, 512),
            Is.EqualTo(RequestStatus.Success));
        ReadOnlySpan<byte> source = data.AsSpan(0, 4);
        Assert.That(
            requester.WriteMemory(FunctionId.FromNumber(2), s_requester, 0x80, source, 256),
            Is.EqualTo(RequestStatus.Success));
        Assert.That(
            requester.SendMessage(FunctionId.FromNumber(2), TlpHeader.Message(MessageCode.PM_PME, s_requester)),
            Is.True);
        Wait.Until(() => completer.Requests.Count == 3, "all have arrived");
    }

    private static void Expect(RecordingLogger logger, string direction, params string[][] tlps)
    {
        string start = $"Trace: {direction} function 2:";
        string[] lines = [.. logger.Lines.Where(line => line.StartsWith(start, StringComparison.Ordinal))];
        Assert.That(lines, Has.Length.EqualTo(tlps.Length), string.Join('\n', logger.Lines));
        for (int i = 0; i < tlps.Length; i++)
        {
            Assert.That(lines[i].Split(' '), Is.SupersetOf(tlps[i]));
        }
    }
}
