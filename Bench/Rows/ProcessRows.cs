using System.Diagnostics;
using System.Globalization;
using EpfTest.Bench.Guests;
using EpfTest.Bench.Measurement;
using EpfTest.Kit;
using EpfTest.Protocol.Hosting;

namespace EpfTest.Bench.Rows;

/// <summary>Memory of idle processes, and their time to start.</summary>
internal static class ProcessRows
{
    private const double MiB = 1 << 20;
    private const double MostMemory = 64;
    private const double LongestStart = 300;
    private const int Pairs = 3;

    public static IEnumerable<Row> Measure(Rig rig)
    {
        var epcMemory = new List<double>();
        var bridgeMemory = new List<double>();
        for (int i = 0; i < Pairs; i++)
        {
            using var pair = new Pair(rig.Programs, rig.Cores, DataPath.Direct);
            epcMemory.Add(OwnMemory(pair.Epc) / MiB);
            bridgeMemory.Add(OwnMemory(pair.Bridge) / MiB);
        }

        yield return new Row("own memory of an idle EpcDevice", "MiB", Goal.AtMost(MostMemory), epcMemory, []);
        yield return new Row("own memory of an idle EpfBridge", "MiB", Goal.AtMost(MostMemory), bridgeMemory, []);
        yield return rig.Rounds.Compare(
            "EpcDevice, start to socket ready",
            "ms",
            Goal.AtMost(LongestStart),
            () => EpcStart(rig),
            () => ReferenceStart(rig),
            warmUp: false);
        yield return rig.Rounds.Compare(
            "EpfBridge, start to socket ready",
            "ms",
            Goal.AtMost(LongestStart),
            () => BridgeStart(rig),
            () => ReferenceStart(rig),
            warmUp: false);
    }

    /// <summary>Bytes of a process's memory, without memory that it shares with a guest.</summary>
    private static double OwnMemory(ChildProcess process)
    {
        Dictionary<string, double> sizes = File.ReadLines($"/proc/{process.Id}/status")
            .Where(line => line.EndsWith(" kB", StringComparison.Ordinal))
            .Select(line => line.Split([':', ' ', '\t'], StringSplitOptions.RemoveEmptyEntries))
            .ToDictionary(words => words[0], words => double.Parse(words[1], CultureInfo.InvariantCulture) * 1024);
        return sizes["VmRSS"] - sizes["RssShmem"];
    }

    private static double EpcStart(Rig rig)
    {
        string folder = rig.Programs.NewFolder();
        string socket = Path.Combine(folder, "epc");
        long start = Stopwatch.GetTimestamp();
        using ChildProcess epc = rig.Programs.StartEpc(rig.Cores.Ep, socket, Path.Combine(folder, "link"));
        epc.WaitForSocket(socket);
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    /// <summary>Starts EpfBridge and the link, with an EP guest that waits for it.</summary>
    private static double BridgeStart(Rig rig)
    {
        string folder = rig.Programs.NewFolder();
        string socket = Path.Combine(folder, "epc");
        string link = Path.Combine(folder, "link");
        string host = Path.Combine(folder, "host");
        using ChildProcess epc = rig.Programs.StartEpc(rig.Cores.Ep, socket, link);
        epc.WaitForSocket(socket);
        using var ep = new EpSide(socket);
        ep.SetUp(1);
        long start = Stopwatch.GetTimestamp();
        using ChildProcess bridge = rig.Programs.StartBridge(rig.Cores.Host, host, link);
        ep.LinkUp();
        bridge.WaitForSocket(host);
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    private static double ReferenceStart(Rig rig)
    {
        long start = Stopwatch.GetTimestamp();
        (ChildProcess process, string path) = rig.Reference.Launch(rig.Cores.Ep);
        using (process)
        {
            process.WaitForSocket(path);
            return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }
    }
}
