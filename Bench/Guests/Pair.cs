using EpfTest.Bench.Machine;
using EpfTest.Kit;
using EpfTest.Protocol.Hosting;

namespace EpfTest.Bench.Guests;

/// <summary>EpcDevice and EpfBridge as users run them, a guest at each end, the link up, the function
/// enabled.</summary>
internal sealed class Pair : IDisposable
{
    private readonly List<IDisposable> _owned = [];

    /// <param name="programs">Starts the processes.</param>
    /// <param name="cores">The cores of the processes.</param>
    /// <param name="dataPath">The data path.</param>
    /// <param name="functions">Number of functions.</param>
    public Pair(Programs programs, Cores cores, DataPath dataPath, int functions = 1)
    {
        try
        {
            (Epc, Bridge, Ep) = Start(programs, cores, dataPath, functions);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The EP side's process.</summary>
    public ChildProcess Epc { get; }

    /// <summary>The host side's process.</summary>
    public ChildProcess Bridge { get; }

    public EpSide Ep { get; }

    /// <summary>The host guest's functions.</summary>
    public List<HostSide> Hosts { get; } = [];

    public void Dispose()
    {
        for (int i = _owned.Count - 1; i >= 0; i--)
        {
            _owned[i].Dispose();
        }
    }

    private (ChildProcess Epc, ChildProcess Bridge, EpSide Ep) Start(
        Programs programs, Cores cores, DataPath dataPath, int functions)
    {
        string folder = programs.NewFolder();
        string link = Path.Combine(folder, "link");
        string path = dataPath.ToString();
        ChildProcess epc = Own(programs.StartEpc(cores.Ep, Path.Combine(folder, "epc"), link, "--datapath", path));
        epc.WaitForSocket(Path.Combine(folder, "epc"));
        ChildProcess bridge = Own(
            programs.StartBridge(cores.Host, Path.Combine(folder, "host"), link, "--datapath", path));
        EpSide ep = Own(new EpSide(Path.Combine(folder, "epc")));
        ep.SetUp(functions);
        ep.LinkUp();
        for (int function = 0; function < functions; function++)
        {
            string socket = Path.Combine(folder, function == 0 ? "host" : $"host.{function}");
            bridge.WaitFor(() => File.Exists(socket), $"makes the socket {socket}");
            Hosts.Add(Own(new HostSide(socket)));
        }

        return (epc, bridge, ep);
    }

    private T Own<T>(T owned)
        where T : IDisposable
    {
        _owned.Add(owned);
        return owned;
    }
}
