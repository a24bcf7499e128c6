using System.Globalization;

namespace EpfTest.Rig.Processes;

/// <summary>Cores as Linux and taskset write them: 0-3,8.</summary>
internal static class CoreList
{
    /// <summary>The cores that this process may use.</summary>
    public static IReadOnlyList<int> Allowed() => Parse(
        File.ReadLines("/proc/self/status")
            .First(line => line.StartsWith("Cpus_allowed_list:", StringComparison.Ordinal))
            .Split(':')[1].Trim())!;

    /// <summary>The cores of a list; null if it is malformed.</summary>
    public static IReadOnlyList<int>? Parse(string list)
    {
        var cores = new List<int>();
        foreach (string range in list.Split(','))
        {
            string[] ends = range.Split('-');
            if (ends.Length > 2
                || !TryParse(ends[0], out int first)
                || !TryParse(ends[^1], out int last)
                || last < first)
            {
                return null;
            }

            cores.AddRange(Enumerable.Range(first, last - first + 1));
        }

        return cores;
    }

    private static bool TryParse(string text, out int core) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out core) && core < 4096;
}
