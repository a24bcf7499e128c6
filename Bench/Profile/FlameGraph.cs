using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace EpfTest.Bench.Profile;

/// <summary>
/// A picture of where processor time went: a box for each function, as wide as its share of the samples, above its caller.
/// </summary>
internal sealed partial class FlameGraph
{
    private const double Width = 1200;
    private const double RowHeight = 17;
    private const double Margin = 10;
    private const double CharacterWidth = 6.6;

    // Narrower boxes cannot be seen.
    private const double Narrowest = 0.8;

    private readonly Box _all = new("all", FrameKind.Native);

    /// <summary>Reads what perf script -F comm,pid,ip,sym,dso prints.</summary>
    /// <param name="text">Its output: samples with their frames, innermost first, and an empty line after each.</param>
    /// <param name="processes">Names of processes by their ids; samples of others are left out.</param>
    public void Add(TextReader text, IReadOnlyDictionary<int, string> processes)
    {
        string? process = null;
        var frames = new List<(string Name, FrameKind Kind)>();
        while (text.ReadLine() is { } line)
        {
            if (line.Length == 0)
            {
                AddSample(process, frames);
                frames.Clear();
                process = null;
            }
            else if (Frame().Match(line) is { Success: true } frame && process is not null)
            {
                frames.Add(Name(frame.Groups["symbol"].Value, frame.Groups["object"].Value));
            }
            else if (Head().Match(line) is { Success: true } head
                && processes.TryGetValue(int.Parse(head.Groups["pid"].Value, CultureInfo.InvariantCulture), out string? name))
            {
                process = $"{name}, thread {head.Groups["thread"].Value.Trim()}";
            }
        }

        AddSample(process, frames);
    }

    /// <summary>Writes the picture.</summary>
    /// <param name="path">A file.</param>
    /// <param name="title">Above it.</param>
    /// <exception cref="InvalidOperationException">There is no sample.</exception>
    public void Write(string path, string title)
    {
        if (_all.Samples == 0)
        {
            throw new InvalidOperationException("perf has no sample of these processes");
        }

        double height = (Depth(_all) * RowHeight) + (4 * RowHeight);
        var svg = new StringBuilder();
        svg.AppendLine(CultureInfo.InvariantCulture, $$"""
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {{Width}} {{height}}" font-family="monospace" font-size="11">
            <style>rect { stroke: white; stroke-width: 0.5 } .kernel { fill: #f0a86c } .ours { fill: #8fc98f } .managed { fill: #8fb8de } .native { fill: #cccccc }</style>
            <rect width="100%" height="100%" fill="white"/>
            <text x="{{Margin}}" y="{{RowHeight}}" font-size="13">{{Escape(title)}}, {{_all.Samples}} samples</text>
            <text x="{{Margin}}" y="{{2 * RowHeight}}">green: EpfTest; blue: .NET; grey: native code; orange: kernel. A box is as wide as its share of the time, above its caller.</text>
            """);
        Draw(svg, _all, Margin, height - Margin - RowHeight);
        svg.AppendLine("</svg>");
        File.WriteAllText(path, svg.ToString());
    }

    private void AddSample(string? process, List<(string Name, FrameKind Kind)> frames)
    {
        if (process is null || frames.Count == 0)
        {
            return;
        }

        _all.Samples++;
        Box box = _all.Child(process, FrameKind.Native);
        box.Samples++;
        for (int i = frames.Count - 1; i >= 0; i--)
        {
            // A chain of frames without names says no more than one.
            if (frames[i].Name != box.Name)
            {
                box = box.Child(frames[i].Name, frames[i].Kind);
                box.Samples++;
            }
        }
    }

    private void Draw(StringBuilder svg, Box box, double x, double y)
    {
        double width = box.Samples * (Width - (2 * Margin)) / _all.Samples;
        if (width < Narrowest)
        {
            return;
        }

        int room = (int)(width / CharacterWidth);
        string label = room < 3 ? "" : box.Name.Length <= room ? box.Name : box.Name[..(room - 2)] + "..";
        double share = 100.0 * box.Samples / _all.Samples;
        svg.AppendLine(
            CultureInfo.InvariantCulture,
            $"<g><title>{Escape(box.Name)}: {share:0.0} %</title><rect class=\"{box.Kind.ToString().ToLowerInvariant()}\" x=\"{x:0.0}\" y=\"{y:0}\" width=\"{width:0.0}\" height=\"{RowHeight - 1}\"/>{Text()}</g>");
        double left = x;
        foreach (Box child in box.Children.OrderByDescending(static child => child.Samples))
        {
            Draw(svg, child, left, y - RowHeight);
            left += child.Samples * (Width - (2 * Margin)) / _all.Samples;
        }

        string Text() => label.Length == 0
            ? ""
            : string.Create(CultureInfo.InvariantCulture, $"<text x=\"{x + 2:0.0}\" y=\"{y + 12:0}\">{Escape(label)}</text>");
    }

    private int Depth(Box box) =>
        box.Samples * (Width - (2 * Margin)) / _all.Samples < Narrowest
            ? 0
            : 1 + box.Children.Select(Depth).DefaultIfEmpty().Max();

    /// <summary>What a reader needs of a symbol: no address, signature, path or tier.</summary>
    private static (string Name, FrameKind Kind) Name(string symbol, string file)
    {
        string library = Path.GetFileName(file.Replace(" (deleted)", "", StringComparison.Ordinal));
        if (file.Contains("kernel", StringComparison.Ordinal))
        {
            return (symbol, FrameKind.Kernel);
        }

        if (Method().Match(symbol) is { Success: true } method)
        {
            string type = method.Groups["type"].Value;
            string name = $"{type[(type.LastIndexOf('.') + 1)..]}.{method.Groups["method"].Value}";
            return (name, type.StartsWith("EpfTest.", StringComparison.Ordinal) ? FrameKind.Ours : FrameKind.Managed);
        }

        // What the runtime made without a method for it, and libraries that come without names.
        return MapFile().IsMatch(library) ? ("stub", FrameKind.Native)
            : symbol == "[unknown]" ? (library, FrameKind.Native)
            : ($"{symbol} ({library})", FrameKind.Native);
    }

    private static string Escape(string text) => text
        .Replace("&", "&amp;", StringComparison.Ordinal)
        .Replace("<", "&lt;", StringComparison.Ordinal)
        .Replace(">", "&gt;", StringComparison.Ordinal);

    [GeneratedRegex(@"^(?<thread>\S.*?)\s+(?<pid>[0-9]+)\s*$")]
    private static partial Regex Head();

    [GeneratedRegex(@"^\s+[0-9a-f]+\s+(?<symbol>.*) \((?<object>.*)\)$")]
    private static partial Regex Frame();

    // The runtime's map: "instance void [Protocol] EpfTest.Protocol.A`1[B]::Method(int32)[OptimizedTier1]".
    [GeneratedRegex(@"\[[\w.]+\] (?<type>[^:(]+?)(`[0-9]+)?(\[.*\])?::(?<method>[^(\[]+)")]
    private static partial Regex Method();

    [GeneratedRegex(@"^(perf-[0-9]+\.map|memfd:doublemapper|\[JIT\].*)$")]
    private static partial Regex MapFile();

    private sealed class Box(string name, FrameKind kind)
    {
        private readonly Dictionary<string, Box> _children = [];

        public string Name => name;

        public FrameKind Kind => kind;

        public int Samples { get; set; }

        public IEnumerable<Box> Children => _children.Values;

        public Box Child(string childName, FrameKind childKind)
        {
            if (!_children.TryGetValue(childName, out Box? child))
            {
                child = new Box(childName, childKind);
                _children.Add(childName, child);
            }

            return child;
        }
    }
}
