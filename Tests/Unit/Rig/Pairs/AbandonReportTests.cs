using EpfTest.Rig.Pairs;
using EpfTest.Rig.Processes;
using EpfTest.Rig.Results;

namespace EpfTest.Unit.Rig.Pairs;

internal sealed class AbandonReportTests
{
    private const string Oops = "[    1.0] BUG: kernel NULL pointer dereference, address: 0000000000000000\r\n"
        + "[    1.1] Call Trace:\r\n[    1.2]  do_it+0x1/0x2\r\n";

    private readonly Expectations _nothing = new([], new DateOnly(2026, 1, 1));

    [Test]
    public void TheConsoleThatShowsWhyAndTheLogsAreShown()
    {
        using var pair = new FakePair();
        pair.WriteConsole("ep", string.Concat(Enumerable.Range(1, 30).Select(line => $"line {line}\r\n")));
        File.WriteAllText(pair.Setup.Guests[0].Guest.Files.QemuLog, "qemu: no\n");
        pair.ProcessOf("EpfBridge");
        File.WriteAllText(pair.Setup.Links[0].EpfBridge.Log, "EpfBridge: it broke\n");
        string shown = Report(pair, "ep");
        Assert.That(shown, Is.EqualTo("--- the EP guest's QEMU:\nqemu: no\n--- EP guest:\n"
            + string.Concat(Enumerable.Range(16, 15).Select(line => $"line {line}\n"))
            + "--- EpfBridge:\nEpfBridge: it broke\nall consoles and logs: /out\n"));
    }

    [Test]
    public void AKernelThatComplainedIsShownFromThere()
    {
        using var pair = new FakePair();
        pair.WriteConsole("host", "before\r\n" + Oops);
        Assert.That(
            Report(pair, "ep"), Does.Contain("--- host guest:\n[    1.0] BUG: kernel NULL").And.Not.Contain("before"));
    }

    [Test]
    public void WhatNobodyExpectsIsAReason()
    {
        using var pair = new FakePair();
        pair.WriteConsole("host", Oops);
        File.WriteAllText(
            pair.Setup.Guests[1].Guest.Files.QemuLog, "qemu: vfio_user: it broke\nqemu: vfio_user: it broke\n");
        using var messages = new StringWriter();
        PairGuest host = pair.Setup.Guests[1];
        IReadOnlyList<string> reasons = KernelReports.Show(
            host, KernelReports.Read(host, _nothing), new RunOutput(TextWriter.Null, messages));
        Assert.That(reasons, Has.Count.EqualTo(2));
        Assert.That(reasons[0], Does.StartWith("the host guest's kernel reported: BUG: kernel NULL pointer"));
        Assert.That(reasons[1], Does.StartWith("the host guest's QEMU reported, 2 times: qemu: vfio_user: it broke"));
        Assert.That(messages.ToString(), Does.Contain("unexpected: " + reasons[1]));
    }

    private string Report(FakePair pair, string guest)
    {
        using var messages = new StringWriter();
        AbandonReport.Write(
            pair.Setup,
            [.. pair.Setup.Guests.Select(item => KernelReports.Read(item, _nothing))],
            new RunEndedException(RunEndedException.Failed, "it broke") { Guest = guest },
            "/out",
            new RunOutput(TextWriter.Null, messages));
        return messages.ToString();
    }
}
