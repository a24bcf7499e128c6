using EpfTest.Bench.Guests;
using EpfTest.Bench.Machine;
using EpfTest.Bench.Measurement;
using EpfTest.Protocol.Hosting;
using EpfTest.Protocol.Linux;

namespace EpfTest.Bench.Rows;

/// <summary>Reads of eight functions at once: their total rate, and how evenly it is divided.</summary>
internal static class FunctionRows
{
    private const int Functions = 8;
    private const ulong Offset = 0x4000;

    private static readonly TimeSpan s_alone = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_together = TimeSpan.FromMilliseconds(800);

    public static IEnumerable<Row> Measure(Rig rig)
    {
        foreach (DataPath dataPath in (DataPath[])[DataPath.Direct, DataPath.Tlp])
        {
            using var pair = new Pair(rig.Programs, rig.Cores, dataPath, Functions);
            Client.Pin(rig.Cores.Host);
            byte[] request = DeviceClient.ReadRequest(0, Offset);
            var slowest = new List<double>();
            var fastest = new List<double>();
            var shares = new List<double>();
            string path = dataPath == DataPath.Direct ? "direct path" : "TLP path";
            yield return rig.Rounds.Compare(
                $"8 functions' BAR reads together, {path}, by one's alone",
                "k/s",
                Goal.RatioAtLeast(0.9),
                () =>
                {
                    double[] rates = Together(rig, pair, request);
                    slowest.Add(rates.Min());
                    fastest.Add(rates.Max());
                    shares.Add(rates.Average());
                    return rates.Sum();
                },
                () => Rate(pair.Hosts[0].Socket, request, s_alone));

            // The figures before the last rounds are of the warm-up.
            yield return new Row(
                $"slowest of the 8 functions, {path}, by its share",
                "k/s",
                Goal.RatioAtLeast(0.9),
                slowest[^rig.Rounds.Count..],
                shares[^rig.Rounds.Count..]);
            yield return new Row(
                $"fastest of the 8 functions, {path}, by its share",
                "k/s",
                Goal.RatioAtMost(1.1),
                fastest[^rig.Rounds.Count..],
                shares[^rig.Rounds.Count..]);
        }
    }

    private static double[] Together(Rig rig, Pair pair, byte[] request)
    {
        double[] rates = new double[Functions];
        using var start = new Barrier(Functions);
        Thread[] threads =
        [
            .. Enumerable.Range(0, Functions).Select(function => new Thread(() =>
            {
                Client.Pin(rig.Cores.Host);
                start.SignalAndWait();
                rates[function] = Rate(pair.Hosts[function].Socket, request, s_together);
            })),
        ];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        return rates;
    }

    private static double Rate(UnixSocket server, byte[] request, TimeSpan time) =>
        Client.RoundTripsASecond(server, request, DeviceClient.ReadReplySize, time) / 1e3;
}
