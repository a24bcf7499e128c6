using System.Globalization;
using System.Text.RegularExpressions;

namespace EpfTest.Bench.Profile;

/// <summary>
/// Samples of processor time in the format of flame graph viewers: a line for each stack, its frames from the
/// outermost on separated by semicolons, then the number of samples.
/// </summary>
internal static partial class CollapsedStacks
{
    /// <summary>Reads the output of perf script -F comm,pid,ip,sym,dso.</summary>
    /// <param name="text">Samples with their frames, innermost first, and an empty line after each.</param>
    /// <param name="processes">Names of processes by id; samples of other processes are ignored.</param>
    /// <exception cref="InvalidOperationException">There is no sample.</exception>
    public static IEnumerable<string> Read(TextReader text, IReadOnlyDictionary<int, string> processes)
    {
        var stacks = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var frames = new List<string>();
        string? process = null;
        while (text.ReadLine() is { } line)
        {
            if (line.Length == 0)
            {
                AddSample();
            }
            else if (Frame().Match(line) is { Success: true } frame)
            {
                string name = Name(frame.Groups["symbol"].Value, frame.Groups["object"].Value);

                // Consecutive frames without a name are merged.
                if (frames.Count == 0 || frames[^1] != name)
                {
                    frames.Add(name);
                }
            }
            else if (Head().Match(line) is { Success: true } head
                && processes.TryGetValue(
                    int.Parse(head.Groups["pid"].Value, CultureInfo.InvariantCulture), out string? name))
            {
                process = $"{name}, thread {head.Groups["thread"].Value.Trim()}";
            }
        }

        AddSample();
        return stacks.Count > 0
            ? stacks.Select(static stack => $"{stack.Key} {stack.Value}")
            : throw new InvalidOperationException("perf has no sample of these processes");

        void AddSample()
        {
            if (process is not null && frames.Count > 0)
            {
                string stack = string.Join(';', frames.Append(process).Reverse());
                stacks[stack] = stacks.GetValueOrDefault(stack) + 1;
            }

            frames.Clear();
            process = null;
        }
    }

    /// <summary>A symbol without address, signature, path and tier.</summary>
    private static string Name(string symbol, string file)
    {
        string library = Path.GetFileName(file.Replace(" (deleted)", "", StringComparison.Ordinal));
        if (file.Contains("kernel", StringComparison.Ordinal))
        {
            return $"{symbol}_[k]";
        }

        if (Method().Match(symbol) is { Success: true } method)
        {
            string type = method.Groups["type"].Value;
            return $"{type[(type.LastIndexOf('.') + 1)..]}.{method.Groups["method"].Value}_[j]";
        }

        // Stubs of the runtime, and libraries without symbols.
        return MapFile().IsMatch(library) ? "stub" : symbol == "[unknown]" ? library : $"{symbol} ({library})";
    }

    [GeneratedRegex(@"^(?<thread>\S.*?)\s+(?<pid>[0-9]+)\s*$")]
    private static partial Regex Head();

    [GeneratedRegex(@"^\s+[0-9a-f]+\s+(?<symbol>.*) \((?<object>.*)\)$")]
    private static partial Regex Frame();

    // The runtime's map: "instance void [Protocol] EpfTest.Protocol.A`1[B]::Method(int32)[OptimizedTier1]".
    [GeneratedRegex(@"\[[\w.]+\] (?<type>[^:(]+?)(`[0-9]+)?(\[.*\])?::(?<method>[^(\[]+)")]
    private static partial Regex Method();

    [GeneratedRegex(@"^(perf-[0-9]+\.map|memfd:doublemapper|\[JIT\].*)$")]
    private static partial Regex MapFile();
}
