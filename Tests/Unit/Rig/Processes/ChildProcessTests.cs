using EpfTest.Kit;
using EpfTest.Rig.Processes;

namespace EpfTest.Unit.Rig.Processes;

/// <summary>Real small programs.</summary>
internal sealed class ChildProcessTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(20);

    [TestCase("exit 3", 3)]
    [TestCase("kill -KILL $$", 137)]
    public void TheStatusIsReported(string script, int status)
    {
        using var children = new ChildProcesses();
        IChildProcess child = children.Start(new ProcessSpec("child", ["sh", "-c", script]));
        Assert.That(Ends(child), Is.EqualTo(status));
    }

    [Test]
    public void OutputIsAppendedToTheLog()
    {
        using var folder = new TemporaryFolder();
        string log = folder.File("log");
        File.WriteAllText(log, "before\n");
        using var children = new ChildProcesses();
        Ends(children.Start(new ProcessSpec("child", ["sh", "-c", "echo out; echo err >&2; cat"]) { Log = log }));
        Assert.That(File.ReadAllText(log), Is.EqualTo("before\nout\nerr\n"));
    }

    [Test]
    public async Task OutputIsRead()
    {
        using var folder = new TemporaryFolder();
        using var children = new ChildProcesses();
        IChildProcess child = children.Start(
            new ProcessSpec("child", ["sh", "-c", "echo out; echo err >&2"])
            {
                Log = folder.File("log"),
                IsRead = true,
            });
        Assert.That(await child.Output, Is.EqualTo("out\n"));
        Assert.That(Ends(child), Is.Zero);
        Assert.That(File.ReadAllText(folder.File("log")), Is.EqualTo("err\n"));
    }

    [Test]
    public void AChildRunsOnItsCoresUnderItsOwnId()
    {
        using var folder = new TemporaryFolder();
        string log = folder.File("log");
        using var children = new ChildProcesses();
        IChildProcess child = children.Start(
            new ProcessSpec("child", ["sh", "-c", "echo $$; grep Cpus_allowed_list /proc/self/status"])
            {
                Log = log,
                Cores = $"{CoreList.Allowed()[0]}",
            });
        Ends(child);
        Assert.That(
            File.ReadAllText(log), Is.EqualTo($"{child.Id}\nCpus_allowed_list:\t{CoreList.Allowed()[0]}\n"));
    }

    [Test]
    public void AllThatAChildHasStartedEndsWithIt()
    {
        using var folder = new TemporaryFolder();
        string log = folder.File("log");
        using (var children = new ChildProcesses())
        {
            children.Start(new ProcessSpec("child", ["sh", "-c", "sleep 1000 & echo $!; wait"]) { Log = log });
            Wait.Until(() => File.Exists(log) && File.ReadAllText(log).EndsWith('\n'), "the child starts another");
        }

        AssertGone(int.Parse(File.ReadAllText(log), System.Globalization.CultureInfo.InvariantCulture));
    }

    [Test]
    public void AChildThatIgnoresTheSignalIsKilled()
    {
        using var folder = new TemporaryFolder();
        string log = folder.File("log");
        IChildProcess child;
        using (var children = new ChildProcesses())
        {
            string[] command = ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1000; done"];
            child = children.Start(new ProcessSpec("child", command) { Log = log });
            Wait.Until(() => File.Exists(log) && File.ReadAllText(log) == "ready\n", "the child is ready");
        }

        Assert.That(Ends(child), Is.EqualTo(137));
    }

    [Test]
    public void AProgramThatIsMissingIsTold()
    {
        using var folder = new TemporaryFolder();
        string log = folder.File("log");
        using var children = new ChildProcesses();
        Assert.That(Ends(children.Start(new ProcessSpec("child", ["/nowhere"]) { Log = log })), Is.EqualTo(127));
        Assert.That(File.ReadAllText(log), Does.Contain("/nowhere"));
    }

    private static int Ends(IChildProcess child)
    {
        Assert.That(child.Ended.Wait(s_limit), Is.True, "the child did not end");
        return child.Ended.Result;
    }

    private static void AssertGone(int id) => Wait.Until(() => !Directory.Exists($"/proc/{id}"), $"process {id} ends");
}
