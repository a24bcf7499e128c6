using System.Diagnostics;
using EpfTest.Kit;
using EpfTest.Rig.Processes;

namespace EpfTest.Unit.Rig.Processes;

/// <summary>What is started so does not outlive its parent, not even one that is killed.</summary>
internal sealed class ChildCommandTests
{
    [Test]
    public void AChildEndsWithItsParent()
    {
        using var folder = new TemporaryFolder();
        string log = folder.File("log");
        using Process parent = StartShell();
        var child = new ProcessSpec("child", ["sh", "-c", "echo $$; while :; do sleep 1000; done"]) { Log = log };
        parent.StandardInput.WriteLine(Quoted(parent.Id, child) + " &");
        Wait.Until(() => File.Exists(log) && File.ReadAllText(log).EndsWith('\n'), "the child runs");
        string folderOfChild = "/proc/" + File.ReadAllText(log).Trim();
        Assert.That(Directory.Exists(folderOfChild), Is.True);
        parent.Kill();
        parent.WaitForExit();
        Wait.Until(() => !Directory.Exists(folderOfChild), "the child ends");
    }

    [Test]
    public void AChildWhoseParentHasEndedDoesNotStart()
    {
        using var folder = new TemporaryFolder();
        using Process parent = StartShell();
        parent.StandardInput.WriteLine(
            Quoted(parent.Id + 1, new ProcessSpec("child", ["touch", folder.File("ran")])) + "; exit $?");
        parent.WaitForExit();
        Assert.That(parent.ExitCode, Is.EqualTo(1));
        Assert.That(File.Exists(folder.File("ran")), Is.False);
    }

    private static Process StartShell() =>
        Process.Start(new ProcessStartInfo("sh") { RedirectStandardInput = true })!;

    private static string Quoted(int parent, ProcessSpec spec) => string.Join(
        ' ',
        ChildCommand.Build(spec, parent)
            .Select(word => $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'"));
}
