using System.Globalization;
using System.Text.RegularExpressions;

namespace EpfTest.Rig.Guests;

/// <summary>
/// Kernel options that spare guests under TCG the calibration of their delay loop. Their TSC is this machine's, so this
/// machine's values hold. Otherwise each processor calibrates by itself while all share our cores, which is a third of
/// the time that a guest with 12 processors takes to boot on one core.
/// </summary>
internal static partial class ClockWords
{
    /// <summary>The options; none if the values are unknown.</summary>
    /// <param name="configuration">The guest kernel's configuration.</param>
    /// <param name="processorInfo">This machine's /proc/cpuinfo.</param>
    public static IReadOnlyList<string> Of(string configuration, string processorInfo)
    {
        Match frequency = Frequency().Match(configuration);
        Match bogoMips = BogoMips().Match(processorInfo);
        if (!frequency.Success || !bogoMips.Success)
        {
            return [];
        }

        double loops = Number(bogoMips) * 500_000 / Number(frequency);
        return ["tsc=reliable", $"lpj={(long)loops}"];
    }

    private static double Number(Match match) => double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^CONFIG_HZ=(\d+)$", RegexOptions.Multiline)]
    private static partial Regex Frequency();

    [GeneratedRegex(@"^bogomips\s*:\s*([\d.]+)", RegexOptions.Multiline)]
    private static partial Regex BogoMips();
}
