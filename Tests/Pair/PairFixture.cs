using System.Collections.Concurrent;
using EpfTest.EpcDevice;
using EpfTest.EpfBridge;
using EpfTest.Kit;
using EpfTest.Kit.Pair;
using EpfTest.Protocol.Hosting;
using EpfTest.Protocol.Linux;

namespace EpfTest.Pair;

/// <summary>Gives each test EpcDevice and EpfBridge, joined by a real link, and an EP guest before its first register
/// access.</summary>
[TestFixture(DataPath.Direct)]
[TestFixture(DataPath.Tlp)]
internal abstract class PairFixture(DataPath dataPath)
{
    private readonly List<IDisposable> _owned = [];
    private TemporaryFolder _folder = null!;

    protected DataPath DataPath { get; } = dataPath;

    /// <summary>Whether the host's QEMU may map BARs.</summary>
    protected virtual bool MapBars => false;

    /// <summary>Milliseconds after which a request to the other side is given up.</summary>
    protected virtual int CompletionTimeout => 2000;

    /// <summary>Why EpcDevice would have ended.</summary>
    protected ConcurrentBag<string> Failures { get; } = [];

    protected RecordingLogger Logger { get; private set; } = null!;

    protected EpcService Epc { get; set; } = null!;

    protected RootPort Bridge { get; set; } = null!;

    protected EpGuest Ep { get; set; } = null!;

    /// <summary>The host that connected last.</summary>
    protected HostGuest Host => _owned.OfType<HostGuest>().First();

    protected string EpSocket => _folder.File("ep.sock");

    protected string LinkSocket => _folder.File("link.sock");

    /// <summary>Where EpfBridge looks for EpcDevice.</summary>
    protected virtual string BridgeLink => LinkSocket;

    protected string HostSocket => _folder.File("host.sock");

    [SetUp]
    public void StartPair()
    {
        _folder = new TemporaryFolder();
        Logger = new RecordingLogger();
        Failures.Clear();
        Epc = StartEpc();
        Bridge = StartBridge();
        Ep = new EpGuest(EpSocket);
    }

    [TearDown]
    public void StopPair()
    {
        _owned.ForEach(owned => owned.Dispose());
        _owned.Clear();
        Ep.Dispose();
        Bridge.Dispose();
        Epc.Dispose();
        _folder.Dispose();
        if (TestContext.CurrentContext.Result.FailCount > 0)
        {
            TestContext.Out.WriteLine(string.Join('\n', Logger.Lines.TakeLast(60)));
        }

        Logger.Dispose();
    }

    protected EpcService StartEpc() => new(
        new EpcOptions
        {
            Socket = EpSocket,
            Link = LinkSocket,
            DataPath = DataPath,
            PciId = "1234:e9c0",
            MapBars = MapBars,
            CompletionTimeout = CompletionTimeout,
        },
        Logger,
        Failures.Add);

    protected RootPort StartBridge(string? monitor = null) => new(
        new BridgeOptions
        {
            Socket = HostSocket,
            Link = BridgeLink,
            DataPath = DataPath,
            MapBars = MapBars,
            CompletionTimeout = CompletionTimeout,
            Qmp = monitor,
            HotPlugBuses = monitor is null ? [] : ["rp0"],
        },
        Logger);

    /// <summary>Replaces the EP guest, which has disconnected.</summary>
    protected void RestartEp() => Ep = new EpGuest(EpSocket);

    /// <summary>Something that goes with the test.</summary>
    protected T Own<T>(T disposable)
        where T : IDisposable
    {
        _owned.Insert(0, disposable);
        return disposable;
    }

    protected EventFd[] Own(EventFd[] signals)
    {
        Array.ForEach(signals, signal => Own(signal));
        return signals;
    }

    /// <summary>A host on function 0 at its socket, enabled.</summary>
    protected HostGuest ConnectHost(int function = 0)
    {
        var host = Own(new HostGuest(function == 0 ? HostSocket : $"{HostSocket}.{function}"));
        host.Enable();
        return host;
    }

    /// <summary>Function 0 as pci-epf-test sets it up, the link up, and an enabled host.</summary>
    protected HostGuest BringUp()
    {
        Ep.SetUp(0);
        Ep.LinkUp();
        return ConnectHost();
    }

    protected static void WaitForSignal(EventFd signal, string what) => Wait.Until(() => signal.Drain() > 0, what);
}
