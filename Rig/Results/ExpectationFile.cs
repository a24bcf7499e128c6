using System.Globalization;
using System.Text.RegularExpressions;
using EpfTest.Rig.Options;

namespace EpfTest.Rig.Results;

/// <summary>
/// Reads a file of expected reports: entries of "key: value" lines, with an empty line between them. A line that starts
/// with a space continues the one before; one that starts with # is a comment.
/// </summary>
internal static class ExpectationFile
{
    private static readonly string[] s_keys = ["report", "fingerprint", "qemu", "guest", "kernel", "reason", "until"];

    /// <exception cref="UsageException">The message starts with file and line.</exception>
    public static IReadOnlyList<Expectation> Read(string path)
    {
        var entries = new List<Expectation>();
        var entry = new Dictionary<string, string>();
        int number = 0;
        int first = 0;
        string last = "";
        foreach (string raw in File.ReadLines(path).Append(""))
        {
            number++;
            string line = raw.Trim();
            if (line.StartsWith('#'))
            {
                continue;
            }

            if (line != "" && raw[0] == ' ' && entry.Count > 0)
            {
                entry[last] += ' ' + line;
            }
            else if (line != "")
            {
                first = entry.Count == 0 ? number : first;
                last = AddKey(entry, line, $"{path}:{number}");
            }
            else if (entry.Count > 0)
            {
                entries.Add(Make(entry, $"{path}:{first}"));
                entry.Clear();
            }
        }

        return entries;
    }

    private static string AddKey(Dictionary<string, string> entry, string line, string place)
    {
        int colon = line.IndexOf(':', StringComparison.Ordinal);
        string key = colon < 0 ? line : line[..colon];
        string value = colon < 0 ? "" : line[(colon + 1)..].Trim();
        if (!s_keys.Contains(key))
        {
            throw new UsageException($"{place}: '{key}' is unknown; known are: {string.Join(", ", s_keys)}");
        }

        if (value == "" || !entry.TryAdd(key, value))
        {
            throw new UsageException($"{place}: '{key}' has no value, or stands twice in one entry");
        }

        return key;
    }

    private static Expectation Make(Dictionary<string, string> entry, string place)
    {
        string[] what = ["report", "fingerprint", "qemu"];
        if (what.Count(entry.ContainsKey) != 1)
        {
            throw new UsageException($"{place}: an entry needs one of: {string.Join(", ", what)}");
        }

        if (!entry.TryGetValue("reason", out string? reason))
        {
            throw new UsageException($"{place}: an entry needs a reason");
        }

        string until = entry.GetValueOrDefault("until", "");
        if (!DateOnly.TryParseExact(until, "yyyy-MM-dd", CultureInfo.InvariantCulture, 0, out DateOnly end))
        {
            throw new UsageException($"{place}: an entry needs an end, such as 'until: 2030-12-31'");
        }

        return new Expectation(place, reason, end)
        {
            Report = Pattern(entry, "report", place),
            Fingerprint = entry.GetValueOrDefault("fingerprint"),
            Qemu = Pattern(entry, "qemu", place),
            Guest = entry.GetValueOrDefault("guest"),
            Kernels = entry.GetValueOrDefault("kernel", "").Split(' ', StringSplitOptions.RemoveEmptyEntries),
        };
    }

    private static Regex? Pattern(Dictionary<string, string> entry, string key, string place)
    {
        try
        {
            return entry.TryGetValue(key, out string? pattern) ? new Regex(pattern) : null;
        }
        catch (RegexParseException e)
        {
            throw new UsageException($"{place}: {key}: invalid pattern: {e.Message}");
        }
    }
}
