using System.Runtime.Versioning;
using EpfTest.Kit;
using EpfTest.Kit.VfioUser;
using EpfTest.Protocol.Linux;

namespace EpfTest.Pair.Processes;

/// <summary>
/// The two processes as they are installed: run by a user without privileges, where the tests may change users, else by
/// the one who runs the tests.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class OrdinaryUserTests
{
    private const uint Nobody = 65534;
    private const int ExitFailure = 1;

    private readonly List<ChildProcess> _processes = [];
    private TemporaryFolder _folder = null!;
    private uint _user;

    private string Epc => _folder.File("epc.sock");

    private string Link => _folder.File("link.sock");

    private string Window => _folder.File("window.sock");

    private string Endpoint => _folder.File("endpoint.sock");

    [SetUp]
    public void Install()
    {
        _folder = new TemporaryFolder();
        _user = Tmds.Linux.LibC.geteuid() == 0 ? Nobody : (uint)Tmds.Linux.LibC.geteuid();
        string configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
        foreach (string name in new[] { "EpcDevice", "EpfBridge" })
        {
            Run("cp", "-r", Path.Combine(Repository.Root, name, "bin", configuration, "net10.0"), _folder.File(name));
        }

        if (_user == Nobody)
        {
            Run("chown", "-R", $"{Nobody}:{Nobody}", _folder.Path);
        }
    }

    [TearDown]
    public void End()
    {
        _processes.ForEach(process => process.Dispose());
        if (TestContext.CurrentContext.Result.FailCount > 0)
        {
            _processes.ForEach(process => TestContext.Out.WriteLine(process.Errors));
        }

        _processes.Clear();
        _folder.Dispose();
    }

    [Test]
    public void ProcessesRunWithoutPrivilegesAndTheirSocketsAreTheirOwn()
    {
        ChildProcess epc = StartEpc();
        ChildProcess bridge = Start("EpfBridge", "--socket", Endpoint, "--link", Link);
        foreach (string path in new[] { Epc, Link, Window })
        {
            Wait.Until(() => File.Exists(path), $"{path} is there");
            Assert.That(File.GetUnixFileMode(path), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite), path);
        }

        Wait.Until(() => Said("bridge connected"), "the processes are connected");
        foreach (ChildProcess process in new[] { epc, bridge })
        {
            string[] status = File.ReadAllLines($"/proc/{process.Id}/status");
            Assert.That(status, Has.Some.Match($@"^Uid:\s+{_user}\s+{_user}\s+{_user}"));
            if (_user == Nobody)
            {
                Assert.That(status, Has.Some.Match(@"^CapEff:\s+0+$"));
            }

            process.Stop();
        }

        Assert.That(File.Exists(Epc) || File.Exists(Link) || File.Exists(Window), Is.False, "sockets are left");
    }

    [Test]
    public void OnlyUsersThatAreNamedAreServed()
    {
        if (_user != Nobody)
        {
            Assert.Ignore("takes two users: run as root");
        }

        StartEpc();
        foreach (string path in new[] { Epc, Link, Window })
        {
            Wait.Until(() => File.Exists(path), $"{path} is there");
            using var stranger = UnixSocket.Connect(path);
            stranger.SetReceiveTimeout(Wait.Limit);
            Errno error = stranger.Receive(new byte[1], new int[UnixSocket.MaxDescriptors], out _, out int received);
            Assert.That((error, received), Is.EqualTo((Errno.None, 0)), $"{path} hangs up");
            Wait.Until(() => Said($"{path}: client refused"), $"the refusal at {path} is logged");
        }

        Kill();
        StartEpc("--allow-uid", "0");
        using RawVfioUserClient client = Connect();
        Assert.That(client.Negotiate().Error, Is.EqualTo(Errno.None));
    }

    [Test]
    public void BridgeRefusesToSpeakToAnotherUsersEpcDevice()
    {
        if (_user != Nobody)
        {
            Assert.Ignore("takes two users: run as root");
        }

        // Root's, but reachable for all.
        using var folder = new TemporaryFolder();
        File.SetUnixFileMode(folder.Path, (UnixFileMode)0x1ed);
        using var impostor = UnixListener.Listen(folder.File("impostor"));
        File.SetUnixFileMode(impostor.Path, (UnixFileMode)0x1b6);
        Start("EpfBridge", "--socket", Endpoint, "--link", impostor.Path, "--log-level", "Information");
        Wait.Until(() => Said("user 0 is at the other end"), "the bridge logs the other user");
    }

    [Test]
    public void SocketsOfAProcessThatWasKilledAreReplacedAndThoseOfALiveOneNever()
    {
        StartEpc();
        Wait.Until(() => File.Exists(Epc), "EpcDevice serves");
        for (int i = 0; i < 3; i++)
        {
            Kill();
            Assert.That(
                File.Exists(Epc) && File.Exists(Link) && File.Exists(Window), Is.True, "what a killed process leaves");
            StartEpc();
            Wait.Until(() => Served.At(Epc) && Served.At(Link) && Served.At(Window), "all sockets are served again");
        }

        foreach (string[] taken in new string[][]
        {
            ["--socket", Epc, "--link", _folder.File("l2")],
            ["--socket", _folder.File("s2"), "--link", Link],
            ["--socket", _folder.File("s3"), "--link", _folder.File("l3"), "--window", Window],
        })
        {
            ChildProcess second = Start("EpcDevice", taken);
            Assert.That(second.WaitForExit(), Is.EqualTo(ExitFailure));
            Wait.Until(
                () => second.Errors.Contains("which a running process serves already", StringComparison.Ordinal),
                "the reason is logged");
        }

        Assert.That(Served.At(Epc) && Served.At(Link) && Served.At(Window), Is.True, "the first still serves");
    }

    private static void Run(string program, params string[] arguments)
    {
        using var process = new ChildProcess(program, arguments);
        Assert.That(process.WaitForExit(), Is.Zero, program);
    }

    private RawVfioUserClient Connect()
    {
        Wait.Until(() => Served.At(Epc), $"{Epc} is served");
        return RawVfioUserClient.Connect(Epc);
    }

    private ChildProcess StartEpc(params string[] more) => Start(
        "EpcDevice", ["--socket", Epc, "--link", Link, "--window", Window, "--log-level", "Information", .. more]);

    /// <summary>Kills all that were started, as the kernel does for want of memory.</summary>
    private void Kill() => _processes.ForEach(process => process.Kill());

    private bool Said(string text) =>
        _processes.Any(process => process.Errors.Contains(text, StringComparison.Ordinal));

    private ChildProcess Start(string name, params string[] arguments)
    {
        string[] user = _user == Nobody ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : [];

        // The user who runs the tests may have a home that others cannot read.
        var process = new ChildProcess(
            "env", [$"HOME={_folder.Path}", .. user, Path.Combine(_folder.File(name), name), .. arguments]);
        _processes.Add(process);
        return process;
    }
}
