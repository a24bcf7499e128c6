using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using EpfTest.Bench.Machine;
using EpfTest.Bench.Measurement;

namespace EpfTest.Bench.Rows;

/// <summary>
/// What two guests see, once: the kernel's self-test by its own times and by those that pci-epf-test prints in the EP
/// guest, and reads of a BAR from the host guest's user space.
/// </summary>
internal static partial class GuestRows
{
    private const int Large = 1_024_000;

    // What memcpy_fromio and memcpy_toio move at a time.
    private const int AccessSize = 4;

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
                $"pci-epf-test {what} of {Large} bytes by {by}, its own rate", "MB/s", Goal.None, Large / seconds / 1e6);
        }

        // COPY is twice as many accesses, more than the self-test has time for under TCG.
        GuestRun trapped = rig.Guests.Run(mustPass: false, "--window", "off", "--cases", "-v memcpy -T COPY_TEST");
        foreach ((string what, _, double seconds) in Transfers(trapped))
        {
            yield return Once(
                $"trapped outbound {what.ToLowerInvariant()} of 4 bytes, inside the EP guest",
                "us",
                Goal.None,
                seconds * 1e6 * AccessSize / Large);
        }

        GuestRun reads = rig.Guests.Run(
            mustPass: true,
            "--add", rig.Guests.Program("bar-read"),
            "--host-script", rig.Guests.File("Bench/guest/bar-read.sh"));
        Match match = BarRead().Match(reads.Output);
        if (!match.Success)
        {
            throw new InvalidOperationException($"the host guest timed no BAR reads:\n{reads.Output}");
        }

        yield return Once(
            "trapped BAR read of 4 bytes, inside the host guest", "us", Goal.None, Number(match.Groups["ns"]) / 1e3);
    }

    /// <summary>What pci-epf-test says of its large transfers.</summary>
    private static IEnumerable<(string What, bool Dma, double Seconds)> Transfers(GuestRun run) =>
        Transfer().Matches(File.ReadAllText(Path.Combine(run.Folder, "ep", "console.log")))
            .Where(match => Number(match.Groups["size"]) == Large)
            .Select(match => (match.Groups["what"].Value, match.Groups["dma"].Value == "YES", Number(match.Groups["time"])));

    private static Row Once(string name, string unit, Goal goal, double figure) => new(name, unit, goal, [figure], []);

    private static double Number(Group text) => double.Parse(text.Value, CultureInfo.InvariantCulture);

    [GeneratedRegex("(?<what>READ|WRITE|COPY) => Size: (?<size>[0-9]+) B, DMA: (?<dma>YES|NO), Time: (?<time>[0-9.]+) s")]
    private static partial Regex Transfer();

    [GeneratedRegex("bar-read: (?<ns>[0-9]+) ns")]
    private static partial Regex BarRead();
}
