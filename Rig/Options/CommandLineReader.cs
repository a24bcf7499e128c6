using System.Reflection;
using CommandLine;

namespace EpfTest.Rig.Options;

/// <summary>Reads the options of a verb.</summary>
internal static class CommandLineReader
{
    private const string EndOfOptions = "--";

    /// <summary>The options that a type declares, each with the type of its value.</summary>
    public static IReadOnlyDictionary<string, Type> OptionsOf(Type type) =>
        type.GetProperties()
            .Select(property => (Option: property.GetCustomAttribute<OptionAttribute>(), property.PropertyType))
            .Where(item => item.Option is not null)
            .ToDictionary(item => "--" + item.Option!.LongName, item => item.PropertyType);

    /// <exception cref="UsageException">An option is unknown or lacks its value.</exception>
    public static TOptions Read<TOptions>(IReadOnlyList<string> arguments)
        where TOptions : new()
    {
        using var parser = new Parser(settings =>
        {
            settings.AllowMultiInstance = true;
            settings.AutoHelp = false;
            settings.AutoVersion = false;
            settings.EnableDashDash = true;
            settings.HelpWriter = null;
        });
        return parser.ParseArguments<TOptions>(Tokens<TOptions>(arguments)).MapResult(
            options => options,
            errors => throw new UsageException($"the command line cannot be read ({errors.First().Tag})"));
    }

    /// <summary>
    /// The arguments as the library takes them. It would take a value such as "-V memcpy" for options of our own, and
    /// an option that is given twice for an error; here the last one counts.
    /// </summary>
    private static IEnumerable<string> Tokens<TOptions>(IReadOnlyList<string> arguments)
    {
        IReadOnlyDictionary<string, Type> options = OptionsOf(typeof(TOptions));
        var repeated = new List<string[]>();
        var last = new Dictionary<string, string[]>();
        int next = 0;
        while (next < arguments.Count && arguments[next] != EndOfOptions)
        {
            string name = arguments[next++];
            if (!options.TryGetValue(name, out Type? type))
            {
                throw new UsageException($"{name}: unknown option");
            }

            if (type == typeof(bool))
            {
                last[name] = [name];
            }
            else if (next == arguments.Count)
            {
                throw new UsageException($"{name} needs a value");
            }
            else
            {
                string value = arguments[next++];
                string[] tokens = value.StartsWith('-') ? [$"{name}={value}"] : [name, value];
                if (type == typeof(string))
                {
                    last[name] = tokens;
                }
                else
                {
                    repeated.Add(tokens);
                }
            }
        }

        return [.. repeated.Concat(last.Values).SelectMany(tokens => tokens), .. arguments.Skip(next)];
    }
}
