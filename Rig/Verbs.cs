using EpfTest.Rig.Options;
using EpfTest.Rig.Processes;
using EpfTest.Rig.Scenarios;
using EpfTest.Rig.Toolchain;

namespace EpfTest.Rig;

/// <summary>What <c>epftest</c> can do: <c>epftest VERB OPTION...</c>.</summary>
internal static class Verbs
{
    /// <summary>The exit code for an invalid command line (EX_USAGE of sysexits.h).</summary>
    public const int ExitUsage = 64;

    private static readonly SortedDictionary<string, Func<string[], int>> s_all = new(StringComparer.Ordinal)
    {
        ["guest"] = GuestCommand.Run,
        ["pair"] = PairCommand.Run,
        ["scenario"] = arguments => ScenarioCommand.Run(
            arguments, new ScenarioFolder(Repository.File("scenarios")), Console.Out),
        ["soak"] = SoakCommand.Run,
    };

    /// <summary>Runs the verb that the first argument names.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(string[] arguments)
    {
        string name = arguments.FirstOrDefault() ?? "";
        if (!s_all.TryGetValue(name, out Func<string[], int>? verb))
        {
            string what = name.Length == 0 ? "no verb is given" : $"{name}: unknown verb";
            Console.Error.WriteLine($"epftest: {what}; there are: {string.Join(", ", s_all.Keys)}");
            return ExitUsage;
        }

        if (arguments.Contains("--help"))
        {
            Console.Out.Write(Help(name));
            return 0;
        }

        try
        {
            return verb(arguments[1..]);
        }
        catch (UsageException error)
        {
            Console.Error.WriteLine($"epftest {name}: {error.Message}");
            Console.Error.WriteLine($"Try 'epftest {name} --help'.");
            return ExitUsage;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or FormatException)
        {
            Console.Error.WriteLine($"error: {error.Message}");
            return RunEndedException.Error;
        }
        catch (RunEndedException error)
        {
            if (error.Message.Length > 0)
            {
                Console.Error.WriteLine($"error: {error.Message}");
            }

            return error.Status;
        }
    }

    /// <summary>The text of Options/Help for a verb.</summary>
    public static string Help(string verb)
    {
        using Stream text = typeof(Verbs).Assembly.GetManifestResourceStream($"EpfTest.Rig.Options.Help.{verb}.txt")!;
        using var reader = new StreamReader(text);
        return reader.ReadToEnd();
    }
}
