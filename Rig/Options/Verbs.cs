namespace EpfTest.Rig.Options;

/// <summary>What <c>epftest</c> can do: <c>epftest VERB OPTION...</c>.</summary>
internal static class Verbs
{
    /// <summary>The exit code for an invalid command line (EX_USAGE of sysexits.h).</summary>
    public const int ExitUsage = 64;

    private static readonly SortedDictionary<string, Func<string[], int>> s_all = [];

    /// <summary>Runs the verb that the first argument names.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(string[] arguments)
    {
        if (arguments.Length > 0 && s_all.TryGetValue(arguments[0], out Func<string[], int>? verb))
        {
            return verb(arguments[1..]);
        }

        string what = arguments.Length == 0 ? "no verb is given" : $"{arguments[0]}: unknown verb";
        Console.Error.WriteLine($"epftest: {what}; there are: {string.Join(", ", s_all.Keys)}");
        return ExitUsage;
    }
}
