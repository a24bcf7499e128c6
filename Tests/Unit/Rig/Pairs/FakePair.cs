using EpfTest.Kit;
using EpfTest.Rig.Guests;
using EpfTest.Rig.Pairs;
using EpfTest.Rig.Processes;
using EpfTest.Rig.Toolchain;
using EpfTest.Unit.Rig.Guests;

namespace EpfTest.Unit.Rig.Pairs;

/// <summary>
/// A run of an EP guest and any number of hosts whose programs are fakes: each process makes its socket when it starts,
/// and the test is every guest's script.
/// </summary>
internal sealed class FakePair : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly FakeStarter _starter = new();
    private readonly Dictionary<string, FakeQemu> _qemus = [];
    private readonly StringWriter _results = new();
    private readonly StringWriter _messages = new();
    private readonly PairRun _run;
    private readonly Task<int> _running;

    /// <param name="hotPlug">Whether hosts boot first.</param>
    /// <param name="limits">The time limits.</param>
    /// <param name="judge">Makes the judge; null for one of exit statuses.</param>
    /// <param name="hosts">The names of the host guests.</param>
    public FakePair(
        bool hotPlug = false,
        RunLimits? limits = null,
        Func<RunOutput, string, IPairJudge>? judge = null,
        params string[] hosts)
    {
        _starter.OnStart = Start;
        var ep = Guest("ep", GuestRole.Ep, "EP");
        PairGuest[] others = [.. (hosts is [] ? ["host"] : hosts).Select(name => Guest(name, GuestRole.Host, name))];
        PairLink[] links =
        [
            .. others.Select((host, index) => (Host: host, Suffix: index == 0 ? "" : $"{index + 1}")).Select(item =>
                new PairLink(
                    ep,
                    item.Host,
                    Process("EpcDevice" + item.Suffix),
                    Process("EpfBridge" + item.Suffix),
                    new LinkSockets(_folder.Path, item.Suffix))),
        ];
        Setup = new PairSetup([ep, .. others], links, limits ?? new RunLimits(), hotPlug);
        var output = new RunOutput(_results, _messages);
        Judge = judge?.Invoke(output, _folder.File("junit.xml")) ?? new StatusJudge(output);
        _run = new PairRun(Setup, Judge, Events);
        _running = Task.Run(_run.Run);
    }

    public EventQueue Events { get; } = new();

    public PairSetup Setup { get; }

    public IPairJudge Judge { get; }

    /// <summary>What was printed on stdout.</summary>
    public string Results => _results.ToString();

    /// <summary>What was printed on stderr.</summary>
    public string Messages => _messages.ToString();

    /// <summary>The names of all that was started, in order.</summary>
    public string Started => string.Join(' ', _starter.Started.Select(process => process.Name));

    public string JUnit => _folder.File("junit.xml");

    public bool HasKilled => _run.HasKilled;

    /// <summary>The script of a guest, once its QEMU runs for the nth time.</summary>
    public FakeQemu Script(string guest, int start = 1)
    {
        string key = $"{guest} {start}";
        Wait.Until(
            () =>
            {
                lock (_qemus)
                {
                    return _qemus.ContainsKey(key);
                }
            },
            $"{key} starts");
        lock (_qemus)
        {
            return _qemus[key];
        }
    }

    /// <summary>The nth process of that name.</summary>
    public FakeProcess ProcessOf(string name, int start = 1)
    {
        Wait.Until(() => Started.Split(' ').Count(item => item == name) >= start, $"{name} starts");
        return _starter.Started.Where(process => process.Name == name).ElementAt(start - 1);
    }

    /// <summary>Writes to a guest's console.</summary>
    public void WriteConsole(string guest, string text) =>
        File.AppendAllText(Setup.Guests.First(item => item.Name == guest).Guest.Files.Console, text);

    /// <returns>The exit code of the run.</returns>
    public int Finish() => Wait.For(_running);

    /// <summary>The run ends with a reason.</summary>
    public void AssertEnds(int status, string reason)
    {
        Wait.Until(() => _running.IsCompleted, "the run ends");
        var error = Assert.Throws<RunEndedException>(() => _running.GetAwaiter().GetResult())!;
        Assert.That(error.Message, Is.EqualTo(reason));
        Assert.That(error.Status, Is.EqualTo(status));
    }

    public void Dispose()
    {
        Events.Post(new Interrupted("the test's end", 1));
        Wait.Until(() => _running.IsCompleted, "the run ends");
        foreach (PairGuest guest in Setup.Guests)
        {
            guest.Guest.Dispose();
        }

        foreach (FakeQemu qemu in _qemus.Values)
        {
            qemu.Dispose();
        }

        _folder.Dispose();
    }

    private PairGuest Guest(string name, GuestRole role, string label)
    {
        var system = new GuestSystem(
            new QemuInstallation(name, "11.1.3", true), new KernelBuild("/k", "7.3.4"), "/i", "kvm");
        var spec = new GuestSpec(name, role == GuestRole.Ep ? "EP guest" : "host guest", system, "/i");
        var files = new GuestFiles(_folder.File(name + ".files"));
        var guest = new Guest(spec, [name], files, _folder.File(name + ".script"), _starter, Events);
        return new PairGuest(guest, role, label);
    }

    private DeviceProcess Process(string name) => new(
        new ProcessSpec(name, [name]) { Log = _folder.File(name + ".log") },
        _folder.File(name + ".pid"),
        _starter,
        Events);

    private void Start(FakeProcess process)
    {
        if (process.Name.StartsWith("Ep", StringComparison.Ordinal))
        {
            string socket = process.Name.Replace("EpcDevice", "link", StringComparison.Ordinal)
                .Replace("EpfBridge", "endpoint", StringComparison.Ordinal);
            File.WriteAllText(_folder.File(socket), "");
        }
        else
        {
            lock (_qemus)
            {
                string guest = process.Spec.Command[0];
                int start = _qemus.Keys.Count(key => key.StartsWith(guest + ' ', StringComparison.Ordinal)) + 1;
                _qemus[$"{guest} {start}"] = new FakeQemu(process);
            }
        }
    }
}
