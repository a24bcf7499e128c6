using EpfTest.Rig.Options;

namespace EpfTest.Rig.Processes;

/// <summary>
/// Which cores each guest and each process of a run may use. With few cores each side has one, so that a message within
/// a side crosses none. On the TLP path each access goes through both sides, so one core has everything: a message to
/// another core takes about 50 us, one on the same core 5 to 8.
/// </summary>
internal sealed class CorePlacement
{
    /// <summary>With more cores than this, everything may use all of them.</summary>
    private const int FewCores = 4;

    private readonly IReadOnlyList<string> _names;
    private readonly Dictionary<string, string> _cores = [];

    private CorePlacement(IReadOnlyList<string> names) => _names = names;

    /// <summary>Places a run.</summary>
    /// <param name="epSide">The names of the guests and processes of EP sides.</param>
    /// <param name="hostSide">The same of host sides.</param>
    /// <param name="allowed">The cores that there are.</param>
    /// <param name="tlpPath">Whether every access is a TLP.</param>
    /// <param name="pins">The options <c>--pin</c>; null for <c>--no-pin</c>.</param>
    /// <exception cref="UsageException">An option is invalid.</exception>
    public static CorePlacement Choose(
        IReadOnlyList<string> epSide,
        IReadOnlyList<string> hostSide,
        IReadOnlyList<int> allowed,
        bool tlpPath,
        IEnumerable<string>? pins)
    {
        var placement = new CorePlacement([.. epSide, .. hostSide]);
        if (pins is null)
        {
            return placement;
        }

        string[] choices = [.. pins];
        string? shape = choices.LastOrDefault(choice => !choice.Contains('='))
            ?? (allowed.Count is < 2 or > FewCores ? null : tlpPath ? "one" : "sides");
        switch (shape)
        {
            case null:
                break;
            case "one":
                placement.Put(epSide, allowed[0]);
                placement.Put(hostSide, allowed[0]);
                break;
            case "sides":
                placement.Put(epSide, allowed[0]);
                placement.Put(hostSide, allowed[Math.Min(1, allowed.Count - 1)]);
                break;
            default:
                throw new UsageException($"--pin {shape}: not one of one, sides, NAME=CORES");
        }

        foreach (string choice in choices.Where(choice => choice.Contains('=')))
        {
            placement.Pin(choice, allowed);
        }

        return placement;
    }

    /// <summary>The cores of a guest or process, as taskset writes them; null for all.</summary>
    public string? CoresOf(string name) => _cores.GetValueOrDefault(name);

    /// <summary>The placement in a line for people.</summary>
    public override string ToString() => "cores: " + string.Join("; ", _names
        .GroupBy(name => _cores.GetValueOrDefault(name, "all"))
        .Select(group => $"{string.Join(", ", group)} on {group.Key}"));

    private void Put(IEnumerable<string> names, int core)
    {
        foreach (string name in names)
        {
            _cores[name] = $"{core}";
        }
    }

    private void Pin(string choice, IReadOnlyList<int> allowed)
    {
        string name = choice.Split('=')[0];
        string list = choice[(name.Length + 1)..];
        if (!_names.Contains(name))
        {
            throw new UsageException($"--pin {choice}: '{name}' is not one of {string.Join(", ", _names)}");
        }

        IReadOnlyList<int> cores = CoreList.Parse(list)
            ?? throw new UsageException($"--pin {choice}: '{list}' is not a list of cores such as 0, 0-1 or 0,2");
        foreach (int core in cores.Except(allowed))
        {
            throw new UsageException(
                $"--pin {choice}: there is no core {core}; there are {string.Join(", ", allowed)}");
        }

        _cores[name] = list;
    }
}
