using System.Diagnostics;
using System.Runtime.InteropServices;

namespace EpfTest.Kit;

/// <summary>One of our processes, started as a user starts it and ended as a user ends it.</summary>
internal sealed class DeviceUnderTest : IDisposable
{
    private const int SigTerm = 15;
    private const int SigCont = 18;
    private const int SigStop = 19;
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly Task<string> _errors;

    /// <summary>Starts <paramref name="command"/> and waits until <paramref name="socket"/> is there.</summary>
    private DeviceUnderTest(string socket, string[] command)
    {
        Socket = socket;
        Start(command, out _process, out _errors);
        if (!SpinWait.SpinUntil(() => File.Exists(socket) || _process.HasExited, s_limit) || _process.HasExited)
        {
            Assert.Fail($"{command[0]} did not make {socket}: {(_process.HasExited ? _errors.Result : "time was up")}");
        }
    }

    /// <summary>Starts <paramref name="command"/>, which makes its socket when it sees fit.</summary>
    private DeviceUnderTest(string[] command)
    {
        Socket = "";
        Start(command, out _process, out _errors);
    }

    public string Socket { get; }

    public int ProcessId => _process.Id;

    /// <summary>Starts EpcDevice, with <paramref name="prefix"/> before its command line.</summary>
    public static DeviceUnderTest StartEpcDevice(string socket, params string[] prefix) =>
        new(socket, [.. prefix, Executable("EpcDevice"), "--socket", socket, "--link", socket + ".link"]);

    /// <summary>Starts EpcDevice and EpfBridge, joined.</summary>
    public static (DeviceUnderTest Epc, DeviceUnderTest Bridge) StartPair(
        string epcSocket, string bridgeSocket, params string[] options)
    {
        DeviceUnderTest epc = new(
            epcSocket, [Executable("EpcDevice"), "--socket", epcSocket, "--link", epcSocket + ".link", .. options]);
        return (epc, new([Executable("EpfBridge"), "--socket", bridgeSocket, "--link", epcSocket + ".link", .. options]));
    }

    /// <summary>Stops it, as a debugger would, or lets it go on.</summary>
    public bool IsStopped
    {
        set
        {
            Assert.That(Kill(_process.Id, value ? SigStop : SigCont), Is.Zero);
            if (value)
            {
                // The signal stops one thread after the other.
                string tasks = $"/proc/{_process.Id}/task";
                Assert.That(SpinWait.SpinUntil(() => Directory.GetDirectories(tasks).All(IsTaskStopped), s_limit), Is.True);
            }
        }
    }

    /// <summary>Ends it with SIGTERM, and expects a clean end.</summary>
    public void Stop()
    {
        _ = Kill(_process.Id, SigTerm);
        Assert.That(_process.WaitForExit(s_limit), Is.True, "SIGTERM did not end the process");
        Assert.That(_process.ExitCode, Is.Zero, () => _errors.Result);
        Assert.That(File.Exists(Socket), Is.False, "the socket was left behind");
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            IsStopped = false;
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }

        _process.Dispose();
    }

    private static bool IsTaskStopped(string task)
    {
        // pid (name) state
        string stat = File.ReadAllText(Path.Combine(task, "stat"));
        return stat[(stat.LastIndexOf(')') + 1)..].TrimStart().StartsWith('T');
    }

    private static void Start(string[] command, out Process process, out Task<string> errors)
    {
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardError = true };
        process = Process.Start(start)!;
        errors = process.StandardError.ReadToEndAsync();
    }

    /// <summary>What a user would run, as the build made it.</summary>
    public static string Executable(string name) => Path.Combine(AppContext.BaseDirectory, name);

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int pid, int signal);
}
