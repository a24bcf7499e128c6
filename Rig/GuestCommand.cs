using System.Globalization;
using EpfTest.Rig.Guests;
using EpfTest.Rig.Options;
using EpfTest.Rig.Pairs;
using EpfTest.Rig.Processes;
using EpfTest.Rig.Results;
using EpfTest.Rig.Toolchain;

namespace EpfTest.Rig;

/// <summary>The verb <c>guest</c>: one guest, with a script or with a shell.</summary>
internal sealed class GuestCommand : IDisposable
{
    private static readonly TimeSpan s_socketLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_socketPoll = TimeSpan.FromMilliseconds(50);

    private readonly GuestOptions _options;
    private readonly EventQueue _events = new();
    private readonly Signals _signals;
    private readonly SocketFolder _sockets = new();
    private readonly ChildProcesses _processes = new();
    private readonly Watchdog _watchdog;

    private GuestCommand(GuestOptions options)
    {
        _options = options;
        _signals = new Signals(_events);
        _watchdog = new Watchdog(() => _events.Now);
    }

    /// <summary>Runs a guest.</summary>
    /// <returns>The exit code: its script's status.</returns>
    public static int Run(string[] arguments)
    {
        GuestOptions options = CommandLineReader.Read<GuestOptions>(arguments);
        options.Check();
        using var command = new GuestCommand(options);
        return command.Run();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _processes.Dispose();
        _sockets.Dispose();
        _signals.Dispose();
    }

    private int Run()
    {
        var toolchain = new BashToolchain(_processes, _events.WaitFor);
        GuestSystem system = toolchain.Prepare(_options.ToolchainArguments()).System;
        var folder = new RunFolder(null);
        var files = new GuestFiles(folder.Path);
        if (_options.Console is { } console)
        {
            files.Move(files.Console, Path.GetFullPath(console));
        }

        if (_options.Out is { } output)
        {
            files.Move(files.Result, Path.GetFullPath(output));
        }

        GuestSpec spec = SpecOf(system, MakeImage(toolchain, system));
        IReadOnlyList<string> command = QemuCommandLine.Build(
            spec, new QemuConfigs(Repository.File("qemu-configs")), File.ReadAllText("/proc/cpuinfo"));
        if (_options.Epc)
        {
            StartEpcDevice(folder);
        }

        return _options.Script is null
            ? TerminalGuest.Run([.. command, .. QemuCommandLine.OnTerminal(files.Console)], _processes)
            : RunScript(new Guest(spec, command, files, _sockets.File("script"), _processes, _events));
    }

    private string MakeImage(BashToolchain toolchain, GuestSystem system)
    {
        var additions = new ImageSpec
        {
            Script = _options.Script,
            Additions = [.. _options.Additions],
            Modules = [.. _options.Modules],
        };
        if (additions.IsEmpty)
        {
            return system.Initramfs;
        }

        string image = _sockets.File("guest.cpio");
        toolchain.MakeImage(image, system, additions);
        return image;
    }

    private GuestSpec SpecOf(GuestSystem system, string image)
    {
        var devices = new List<string>();
        int port = 0;
        string epc = $$$"""
            {"driver":"vfio-user-pci","socket":{"type":"unix","path":"{{{_sockets.File("epc")}}}"}}
            """;
        foreach (string device in _options.Epc ? _options.Devices.Prepend(epc) : _options.Devices)
        {
            string placed = QemuCommandLine.OnRootPort(port, device);
            devices.AddRange(["-device", placed]);
            port += placed == device ? 0 : 1;
        }

        return new GuestSpec("guest", "guest", system, image)
        {
            Memory = _options.Memory,
            Processors = int.Parse(_options.Processors, CultureInfo.InvariantCulture),
            MemoryKind = _options.NoSharedMemory ? GuestMemory.Private : GuestMemory.Shared,
            HasIommu = !_options.NoIommu,
            RootPorts = Math.Max(port, GuestSpec.MinRootPorts),
            KernelWords =
            [
                .. _options.Script is null ? [] : new[] { "epftest.run=/epftest/run" },
                .. _options.KernelWords,
            ],
            Arguments = [.. devices, .. _options.QemuArguments],
        };
    }

    private void StartEpcDevice(RunFolder folder)
    {
        string log = folder.File("EpcDevice.log");
        string socket = _sockets.File("epc");
        var epc = new DeviceProcess(
            new ProcessSpec(
                "EpcDevice",
                [
                    Repository.Program("EpcDevice"), "--socket", socket, "--link", _sockets.File("link"),
                    .. _options.PciId is { } id ? ["--pci-id", id] : Array.Empty<string>(),
                    .. _options.LogLevel is { } level ? ["--log-level", level] : Array.Empty<string>(),
                ])
            {
                Log = log,
            },
            folder.File("EpcDevice.pid"),
            _processes,
            _events);
        epc.Start();
        Console.Error.WriteLine($"EpcDevice's log: {log}");
        _watchdog.WatchFor("EpcDevice did not make its socket", s_socketLimit);
        while (!File.Exists(socket))
        {
            _watchdog.Check();
            RigEvent? happened = _events.Next(s_socketPoll);
            if (happened is ProcessEnded)
            {
                Console.Error.Write(File.ReadAllText(log));
            }

            Handle(happened);
        }
    }

    private int RunScript(Guest guest)
    {
        using (guest)
        {
            guest.Start();
            TimeSpan limit = OptionCheck.Seconds("--timeout", _options.Timeout, zero: true);
            _watchdog.WatchFor("the guest did not end", limit);
            try
            {
                while (true)
                {
                    RigEvent? happened = _events.Next(_watchdog.Remaining);
                    if (happened is GuestEnded ended)
                    {
                        return GuestEnd.StatusOf(guest, ended.Status);
                    }

                    Handle(happened);
                    _watchdog.Check();
                }
            }
            catch (RunEndedException error) when (error.Status == RunEndedException.TimedOut)
            {
                Explain(guest);
                throw new RunEndedException(
                    error.Status,
                    (guest.ScriptStatus is { } status
                        ? $"timeout: the script exited with {status}, but the guest did not power off within "
                            + $"{limit.TotalSeconds} s"
                        : $"timeout: the guest did not end within {limit.TotalSeconds} s and was killed")
                        + $" (console: {guest.Files.Console})");
            }
            catch (RunEndedException error) when (error.Guest is not null)
            {
                Explain(guest);
                throw;
            }
        }
    }

    private static void Explain(Guest guest)
    {
        Console.Error.Write(File.ReadAllText(guest.Files.QemuLog));
        string[] console = File.ReadAllLines(guest.Files.Console);
        foreach (string line in ConsoleExcerpt.Of(console, ConsoleReader.Read(console)))
        {
            Console.Error.WriteLine(line);
        }
    }

    private static void Handle(RigEvent? happened)
    {
        switch (happened)
        {
            case GuestLine line:
                Console.Out.WriteLine(line.Text);
                break;
            case Interrupted interrupted:
                throw new RunEndedException(interrupted.Status, $"interrupted by {interrupted.By}");
            case ProcessEnded ended:
                throw new RunEndedException(RunEndedException.Failed, $"{ended.Name} ended with status {ended.Status}");
        }
    }
}
