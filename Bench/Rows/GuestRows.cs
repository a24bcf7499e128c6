using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using EpfTest.Bench.Machine;
using EpfTest.Bench.Measurement;

namespace EpfTest.Bench.Rows;

/// <summary>
/// Times measured in two guests: by the kernel's self-test and by pci-epf-test, by a kernel module in the EP guest, and
/// of reads of a BAR by the host guest's user space. Each run has several rounds, with the references in the same
/// guest.
/// </summary>
internal static partial class GuestRows
{
    private const int Large = 1_024_000;

    // Bytes of one access of memcpy_fromio and memcpy_toio.
    private const int AccessSize = 4;

    // Copies of ep-transfers.sh and host-transfers.sh in a round.
    private const int CopiesARound = 3;

    // The fewest for a median.
    private const int FewestRounds = 3;

    // A device whose BAR 2 is memory, for a guest's QEMU.
    private const string Memory =
        "-object memory-backend-memfd,id=ivshmem,size=4M,share=on -device ivshmem-plain,memdev=ivshmem";

    public static IEnumerable<Row> Measure(Rig rig)
    {
        GuestRun test = rig.Guests.Run(mustPass: false);
        double[] barTests =
        [
            .. XDocument.Load(Path.Combine(test.Folder, "junit.xml")).Descendants("testcase")
                .Where(test => (string?)test.Attribute("name") == "BAR_TEST" && !test.HasElements)
                .Select(test => (double)test.Attribute("time")!),
        ];
        const int Bars = 6;
        if (barTests.Length != Bars)
        {
            throw new InvalidOperationException($"only {barTests.Length} of the BAR_TEST cases passed: {test.Folder}");
        }

        yield return Once("the six BAR_TEST cases, trapped", "s", Goal.AtMost(28), barTests.Sum());
        yield return Once("scripts/run-pair.sh, all of it", "s", Goal.AtMost(75), test.Time.TotalSeconds);
        foreach ((string what, bool dma, double seconds) in Transfers(test))
        {
            string by = dma ? "DMA" : "memcpy";
            yield return Once(
                $"pci-epf-test {what} of 1,024,000 bytes by {by}, its own rate", "MB/s", Goal.None, Rate(seconds));
        }

        foreach (Row row in Trapped(rig).Concat(Window(rig)).Concat(BarReads(rig)))
        {
            yield return row;
        }
    }

    /// <summary>Trapped outbound accesses.</summary>
    private static IEnumerable<Row> Trapped(Rig rig)
    {
        // COPY has twice as many accesses, too many for the self-test's timeout under TCG.
        GuestRun run = rig.Guests.Run(mustPass: false, "--window", "off", "--cases", "-T COPY_TEST -v memcpy");
        foreach (IGrouping<string, double> transfers in Transfers(run).GroupBy(one => one.What, one => one.Seconds))
        {
            yield return new Row(
                $"trapped outbound {transfers.Key.ToLowerInvariant()} of 4 bytes, in the EP guest",
                "us",
                Goal.None,
                [.. transfers.Select(seconds => seconds * 1e6 * AccessSize / Large)],
                []);
        }
    }

    /// <summary>The mapped window; the reference is the same copies with a device whose BAR is memory.</summary>
    private static IEnumerable<Row> Window(Rig rig)
    {
        GuestRun run = rig.Guests.Run(
            mustPass: true,
            "--module", rig.Guests.Module,
            "--add", rig.Guests.File("scenarios/self-test/ep"),
            "--ep-script", rig.Guests.File("Bench/guest/ep-transfers.sh"),
            "--host-script", rig.Guests.File("Bench/guest/host-transfers.sh"),
            "--ep-qemu", Memory);
        ILookup<string, double> transfers = Transfers(run).ToLookup(one => one.What, one => Rate(one.Seconds));
        Match[] copies = Copies().Matches(run.Output).ToArray();
        Match[] maps = Maps().Matches(run.Output).ToArray();
        if (copies.Length < FewestRounds || maps.Length != copies.Length)
        {
            throw new InvalidOperationException(
                $"the EP guest measured {copies.Length} copies and {maps.Length} times a mapped window:\n{run.Output}");
        }

        foreach (string what in (string[])["READ", "WRITE"])
        {
            // The fastest of each round, as in the module.
            double[] rates = [.. transfers[what].Chunk(CopiesARound).Select(static round => round.Max())];
            yield return new Row(
                $"pci-epf-test {what} by memcpy, mapped window, by ivshmem's",
                "MB/s",
                Goal.RatioAtLeast(1),
                [.. copies.Select(copy => rates[(int)Number(copy.Groups["round"]) - 1])],
                [.. copies.Select(copy => Rate(Number(copy.Groups[what.ToLowerInvariant()]) / 1e9))]);
        }

        yield return Microseconds("map_addr and unmap_addr, mapped window, median", "median");
        yield return Microseconds("the same, mean", "mean");

        Row Microseconds(string name, string group) =>
            new(name, "us", Goal.AtMost(1000), [.. maps.Select(map => Number(map.Groups[group]) / 1e3)], []);
    }

    /// <summary>A trapped BAR and a mapped one; the reference is a BAR that is memory.</summary>
    private static IEnumerable<Row> BarReads(Rig rig)
    {
        yield return Read("host BAR read, trapped, in the guest, by ivshmem's", Goal.None);
        yield return Read("host BAR read, --map-bars, in the guest, by ivshmem's", Goal.RatioAtMost(1.1), "--map-bars");

        Row Read(string name, Goal goal, params IEnumerable<string> options)
        {
            GuestRun run = rig.Guests.Run(
                mustPass: true,
                [
                    "--add", rig.Guests.Program("bar-read"),
                    "--host-script", rig.Guests.File("Bench/guest/bar-read.sh"),
                    "--host-qemu", Memory,
                    .. options,
                ]);
            Match[] reads = BarRead().Matches(run.Output).ToArray();
            return reads.Length > 0
                ? new Row(name, "ns", goal, Column("bar"), Column("memory"))
                : throw new InvalidOperationException($"the host guest timed no BAR reads:\n{run.Output}");

            double[] Column(string group) => [.. reads.Select(read => Number(read.Groups[group]))];
        }
    }

    /// <summary>The large transfers that pci-epf-test has printed.</summary>
    private static IEnumerable<(string What, bool Dma, double Seconds)> Transfers(GuestRun run) =>
        Transfer().Matches(File.ReadAllText(Path.Combine(run.Folder, "ep", "console.log")))
            .Where(match => Number(match.Groups["size"]) == Large)
            .Select(match =>
                (match.Groups["what"].Value, match.Groups["dma"].Value == "YES", Number(match.Groups["time"])));

    /// <summary>Megabytes a second of a large transfer.</summary>
    private static double Rate(double seconds) => Large / seconds / 1e6;

    private static Row Once(string name, string unit, Goal goal, double figure) => new(name, unit, goal, [figure], []);

    private static double Number(Group text) => double.Parse(text.Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(
        "(?<what>READ|WRITE|COPY) => Size: (?<size>[0-9]+) B, DMA: (?<dma>YES|NO), Time: (?<time>[0-9.]+) s")]
    private static partial Regex Transfer();

    [GeneratedRegex("round (?<round>[0-9]+): read (?<read>[0-9]+) ns, write (?<write>[0-9]+) ns")]
    private static partial Regex Copies();

    [GeneratedRegex("mapped window: median (?<median>[0-9]+) ns, mean (?<mean>[0-9]+) ns")]
    private static partial Regex Maps();

    [GeneratedRegex("bar-read: (?<bar>[0-9.]+) (?<memory>[0-9.]+)")]
    private static partial Regex BarRead();
}
