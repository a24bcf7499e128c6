using System.Globalization;
using System.Text.RegularExpressions;
using CommandLine;

namespace EpfTest.Rig.Options;

/// <summary>
/// The options of <c>epftest soak</c>: those of <c>pair</c> that do not choose what runs, and its own.
/// </summary>
internal sealed partial class SoakOptions : PairOptions
{
    private static readonly string[] s_chosen =
    [
        "--scenario", "--ep-script", "--host-script", "--shell", "--hotplug", "--cases", "--timeout", "--map-bars",
    ];

    [Option("minutes")]
    public string Minutes { get; set; } = "30";

    public int MinuteCount => int.Parse(Minutes, CultureInfo.InvariantCulture);

    /// <exception cref="UsageException">An option chooses what runs.</exception>
    public static void CheckNames(IEnumerable<string> arguments)
    {
        if (arguments.FirstOrDefault(s_chosen.Contains) is { } chosen)
        {
            throw new UsageException($"{chosen}: the soak chooses what runs");
        }
    }

    /// <inheritdoc/>
    public override void Check()
    {
        base.Check();
        OptionCheck.Matches(
            FromFour().IsMatch(Minutes), "--minutes", Minutes, "not a number of minutes from 4");
    }

    [GeneratedRegex(@"^([4-9]|[1-9][0-9]{1,4})\z")]
    private static partial Regex FromFour();
}
