using EpfTest.Rig.Guests;
using EpfTest.Rig.Processes;
using EpfTest.Rig.Toolchain;

namespace EpfTest.Rig.Pairs;

/// <summary>Makes the guests and processes of a plan, ready to start.</summary>
internal sealed class PairBuilder
{
    // rwxr-xr-x
    private const UnixFileMode Executable = (UnixFileMode)0b111_101_101;

    private static readonly string[] s_helpers = ["endpoint", "say", "hear", "restart", "remember"];
    private static readonly string[] s_epHelpers = ["ready", "host-done"];


    private readonly PairPlan _plan;
    private readonly IReadOnlyDictionary<string, GuestSystem> _systems;
    private readonly CorePlacement _cores;
    private readonly RunFolder _folder;
    private readonly SocketFolder _sockets;
    private readonly QemuConfigs _configs = new(Repository.File("qemu-configs"));

    /// <param name="plan">What to make.</param>
    /// <param name="systems">What runs each guest.</param>
    /// <param name="cores">Where everything runs.</param>
    /// <param name="folder">The folder of the run.</param>
    /// <param name="sockets">The folder of its sockets and images.</param>
    public PairBuilder(
        PairPlan plan,
        IReadOnlyDictionary<string, GuestSystem> systems,
        CorePlacement cores,
        RunFolder folder,
        SocketFolder sockets)
    {
        (_plan, _systems, _cores, _folder, _sockets) = (plan, systems, cores, folder, sockets);
    }

    /// <summary>Whether the EP guest of a link has a mapped window.</summary>
    private bool HasWindow(LinkPlan link) =>
        _plan.Window is not null && !_plan.TlpPath && _systems[link.Ep].Qemu.HasWindow;

    /// <summary>The whole run.</summary>
    public PairSetup Build(IProcessStarter starter, EventQueue events)
    {
        List<PairGuest> guests = [];
        foreach (GuestPlan plan in _plan.Guests)
        {
            GuestSpec spec = SpecOf(plan);
            var files = new GuestFiles(_folder.File(plan.Name));
            if (plan.Name == _plan.Judged)
            {
                files.Move(files.Result, "../selftest.ktap");
            }

            var guest = new Guest(
                spec, CommandOf(spec), files, _sockets.File($"{plan.Name}.script"), starter, events);
            guests.Add(new PairGuest(guest, plan.Role, LabelOf(plan)));
        }

        IReadOnlyList<PairLink> links =
        [
            .. _plan.Links.Select(link => new PairLink(
                guests.First(guest => guest.Name == link.Ep),
                guests.First(guest => guest.Name == link.Host),
                Process(link.EpcDevice, EpcDeviceArguments(link)),
                Process(link.EpfBridge, EpfBridgeArguments(link)),
                SocketsOf(link))
            {
                Relay = _plan.Relays ? Start(link.Relay, RelayOf(SocketsOf(link))) : null,
            }),
        ];
        return new PairSetup(guests, links, _plan.Limits, _plan.HotPlug);

        DeviceProcess Process(string name, IEnumerable<string> arguments) => Start(
            name,
            [Repository.Program(name.TrimEnd('0', '1', '2', '3', '4', '5', '6', '7', '8', '9')), .. arguments]);

        DeviceProcess Start(string name, IReadOnlyList<string> command) => new(
            new ProcessSpec(name, command)
            {
                Log = _folder.File($"{name}.log"),
                Cores = _cores.CoresOf(name),
            },
            _folder.File($"{name}.pid"),
            starter,
            events);
    }

    /// <summary>Carries bytes and no descriptors, for one EpfBridge after the other.</summary>
    private static string[] RelayOf(LinkSockets sockets) =>
        ["socat", $"UNIX-LISTEN:{sockets.Relay},fork,unlink-early,mode=600", $"UNIX-CONNECT:{sockets.Link}"];

    /// <summary>QEMU's command line for a guest, without serial ports.</summary>
    public IReadOnlyList<string> CommandOf(GuestSpec spec) =>
        QemuCommandLine.Build(spec, _configs, File.ReadAllText("/proc/cpuinfo"));

    /// <summary>A guest with its devices.</summary>
    public GuestSpec SpecOf(GuestPlan plan) => new(plan.Name, TitleOf(plan), _systems[plan.Name], ImageOf(plan))
    {
        Disk = plan.Disk is { } disk
            ? new GuestDisk(
                Path.GetFullPath(disk), Path.GetFullPath(plan.Script), Repository.File("guest", "disk-agent"))
            : null,
        Memory = plan.Memory,
        Processors = plan.Processors,
        MemoryKind = plan.MemoryKind,
        RootPorts = Math.Max(
            GuestSpec.MinRootPorts, (plan.Role == GuestRole.Ep ? 2 : 1) * LinksOf(plan).Count()),
        KernelWords = plan.KernelWords,
        Arguments = [.. plan.Role == GuestRole.Ep ? EpDevices(plan) : HostDevices(plan), .. plan.QemuArguments],
        Cores = _cores.CoresOf(plan.Name),
    };

    /// <summary>The path of a guest's image.</summary>
    public string ImageOf(GuestPlan plan) => _sockets.File($"{plan.Name}.cpio");

    /// <summary>What a guest's image adds to the base image.</summary>
    /// <param name="plan">The guest.</param>
    /// <param name="modules">The kernel modules that it gets.</param>
    public ImageSpec ImageSpecOf(GuestPlan plan, IReadOnlyList<string> modules)
    {
        bool isWrapped = plan.Role == GuestRole.Ep || _plan.HotPlug;
        string script = plan.Script;
        if (isWrapped)
        {
            script = _sockets.File($"{plan.Name}.run");
            File.Copy(plan.Script, script);
            File.SetUnixFileMode(script, Executable);
        }

        string wrapper = plan.Role == GuestRole.Ep ? "endpoint" : "hotplug-host";
        IEnumerable<string> helpers = plan.Role == GuestRole.Ep ? s_epHelpers.Concat(s_helpers) : s_helpers;
        return new ImageSpec
        {
            Script = isWrapped ? Repository.File("guest", wrapper) : script,
            Modules = modules,
            Additions =
            [
                .. isWrapped ? [$"{script}:/epftest/script"] : Array.Empty<string>(),
                .. helpers.Select(name => Repository.File("guest", $"epftest-{name}") + ":/usr/bin/"),
                .. plan.Additions,
            ],
        };
    }

    private List<string> EpDevices(GuestPlan guest)
    {
        var words = new List<string>();
        foreach ((int index, LinkPlan link) in LinksOf(guest).Index())
        {
            LinkSockets sockets = SocketsOf(link);
            string id = "epc" + link.Suffix;
            string[] device =
            [
                .. _configs.Words(
                    "epc.args",
                    ("SOCKET", sockets.Epc),
                    ("ID", id),
                    ("SYNCHRONOUS_WRITES", Boolean(!_plan.PostsEpWrites && !_plan.TlpPath))),
            ];
            words.AddRange([device[0], QemuCommandLine.OnRootPort(2 * index, device[1]), .. Monitor(guest, link)]);
            if (HasWindow(link))
            {
                words.AddRange(_configs.Words(
                    "window.args", ("SOCKET", sockets.Window), ("ID", id), ("BUS", $"rp{(2 * index) + 1}")));
            }
        }

        return words;
    }

    private List<string> HostDevices(GuestPlan guest)
    {
        var words = new List<string>();
        foreach ((int index, LinkPlan link) in LinksOf(guest).Index())
        {
            if (_plan.HotPlug)
            {
                words.AddRange(Monitor(guest, link));
                continue;
            }

            string[] device =
            [
                .. _configs.Words(
                    "endpoint.args",
                    ("SOCKET", SocketsOf(link).Endpoint),
                    ("HOST_SYNCHRONOUS_WRITES", Boolean(!_plan.PostsHostWrites && !_plan.TlpPath))),
            ];
            words.AddRange([device[0], QemuCommandLine.OnRootPort(index, device[1])]);
        }

        return words;
    }

    private IEnumerable<string> EpcDeviceArguments(LinkPlan link)
    {
        int index = LinksOf(link.Ep).ToList().IndexOf(link);
        bool window = HasWindow(link);
        string bus = $"rp{2 * index}" + (window ? $",rp{(2 * index) + 1}" : "");
        return
        [
            "--socket", SocketsOf(link).Epc,
            "--link", SocketsOf(link).Link,
            .. CommonArguments(),
            .. window ? ["--window", SocketsOf(link).Window, "--window-size", _plan.Window!] : Array.Empty<string>(),
            .. HotPlugArguments(link, link.Ep, bus, _plan.PostsEpWrites || _plan.TlpPath),
        ];
    }

    private IEnumerable<string> EpfBridgeArguments(LinkPlan link) =>
    [
        "--socket", SocketsOf(link).Endpoint,
        "--link", _plan.Relays ? SocketsOf(link).Relay : SocketsOf(link).Link,
        .. CommonArguments(),
        .. HotPlugArguments(
            link,
            link.Host,
            $"rp{LinksOf(link.Host).ToList().IndexOf(link)}",
            _plan.PostsHostWrites || _plan.TlpPath),
    ];

    private IEnumerable<string> CommonArguments() =>
    [
        "--datapath", _plan.TlpPath ? "tlp" : "direct",
        "--log-level", _plan.LogLevel,
        .. _plan.MapBars ? ["--map-bars"] : Array.Empty<string>(),
    ];

    private IEnumerable<string> HotPlugArguments(LinkPlan link, string guest, string bus, bool posted) => _plan.HotPlug
        ? ["--qmp", MonitorOf(guest, link), "--hotplug-bus", bus, "--hotplug-posted-writes", Boolean(posted)]
        : [];

    private IEnumerable<string> Monitor(GuestPlan guest, LinkPlan link) =>
        _plan.HotPlug ? ["-qmp", $"unix:{MonitorOf(guest.Name, link)},server=on,wait=off"] : [];

    private string MonitorOf(string guest, LinkPlan link) =>
        _sockets.File(link.Suffix == "" ? $"{guest}.qmp" : $"{guest}-{link.Suffix}.qmp");

    private LinkSockets SocketsOf(LinkPlan link) => new(_sockets.Path, link.Suffix);

    private IEnumerable<LinkPlan> LinksOf(GuestPlan guest) => LinksOf(guest.Name);

    private IEnumerable<LinkPlan> LinksOf(string guest) =>
        _plan.Links.Where(link => link.Ep == guest || link.Host == guest);

    private bool IsOnly(GuestPlan guest) => _plan.Guests.Count(other => other.Role == guest.Role) == 1;

    private string TitleOf(GuestPlan guest) =>
        (guest.Role == GuestRole.Ep ? "EP guest" : "host guest") + (IsOnly(guest) ? "" : $" {guest.Name}");

    private string LabelOf(GuestPlan guest) =>
        !IsOnly(guest) ? guest.Name : guest.Role == GuestRole.Ep ? "EP" : "host";

    private static string Boolean(bool value) => value ? "true" : "false";
}
