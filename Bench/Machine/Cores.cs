using System.Globalization;

namespace EpfTest.Bench.Machine;

/// <summary>The core of each side, divided as scripts/run-pair.sh does.</summary>
/// <param name="Ep">The EP side's core.</param>
/// <param name="Host">The host side's core; the same if there is only one.</param>
internal readonly record struct Cores(int Ep, int Host)
{
    /// <summary>The first two cores that this process may use.</summary>
    public static Cores Pick()
    {
        const string Prefix = "Cpus_allowed_list:";
        string list = File.ReadLines("/proc/self/status")
            .First(line => line.StartsWith(Prefix, StringComparison.Ordinal));
        int[] cores =
        [
            .. list[Prefix.Length..].Split(',').SelectMany(range =>
            {
                int[] ends = [.. range.Split('-').Select(end => int.Parse(end, CultureInfo.InvariantCulture))];
                return Enumerable.Range(ends[0], ends[^1] - ends[0] + 1);
            }),
        ];
        return new Cores(cores[0], cores.Length > 1 ? cores[1] : cores[0]);
    }
}
