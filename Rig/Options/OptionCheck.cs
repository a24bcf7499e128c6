using System.Globalization;
using System.Text.RegularExpressions;

namespace EpfTest.Rig.Options;

/// <summary>Checks of option values. Each throws a <see cref="UsageException"/> that names the option and why its value
/// is invalid.</summary>
internal static partial class OptionCheck
{
    public static void OneOf(string option, string value, params string[] allowed) =>
        Matches(allowed.Contains(value), option, value, $"not one of {string.Join(", ", allowed)}");

    /// <summary>A file that can be read, of the kind that a script or a module is.</summary>
    public static void File(string option, string value) =>
        Matches(System.IO.File.Exists(value) && CanRead(value), option, value, "not a file that can be read");

    /// <summary>The file or directory of FILE[:DEST].</summary>
    public static void Addition(string option, string value)
    {
        string path = value.Split(':')[0];
        bool isReadable = Directory.Exists(path) || (System.IO.File.Exists(path) && CanRead(path));
        Matches(isReadable, option, value, "cannot be read");
    }

    /// <summary>A kernel: a series of Debian's, a source tree or an image.</summary>
    public static void Kernel(string option, string value) =>
        Matches(IsSeries(value) || Path.Exists(value), option, value, "no such directory");

    /// <summary>A time in seconds.</summary>
    public static TimeSpan Seconds(string option, string value, bool zero)
    {
        bool valid = int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int seconds);
        Matches(valid && (zero || seconds > 0), option, value, "not a number of seconds");
        return TimeSpan.FromSeconds(seconds);
    }

    public static int Processors(string option, string value)
    {
        Matches(IsProcessors(value), option, value, "not a number of processors");
        return int.Parse(value, CultureInfo.InvariantCulture);
    }

    public static void Matches(bool valid, string option, string value, string why)
    {
        if (!valid)
        {
            throw new UsageException($"{option} {value}: {why}");
        }
    }

    /// <summary>Whether a kernel is named by its series, such as 6.12.</summary>
    public static bool IsSeries(string kernel) => Series().IsMatch(kernel);

    /// <summary>Whether a value is a number of processors.</summary>
    public static bool IsProcessors(string value) => Count().IsMatch(value);

    /// <summary>Whether a value is the size of a guest's memory.</summary>
    public static bool IsSize(string value) => Size().IsMatch(value);

    private static bool CanRead(string path)
    {
        try
        {
            using FileStream stream = System.IO.File.OpenRead(path);
            return true;
        }
        catch (UnauthorizedAccessException)
        {
            return false;
        }
    }

    [GeneratedRegex(@"^[0-9]+\.[0-9]+\z")]
    private static partial Regex Series();

    [GeneratedRegex(@"^[1-9][0-9]?\z")]
    private static partial Regex Count();

    [GeneratedRegex(@"^[1-9][0-9]*[MG]\z")]
    private static partial Regex Size();
}
