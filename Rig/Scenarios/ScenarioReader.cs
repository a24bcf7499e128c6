using EpfTest.Rig.Options;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace EpfTest.Rig.Scenarios;

/// <summary>Reads scenario.yaml. Whatever is unknown or invalid is an error with its line.</summary>
internal static class ScenarioReader
{
    private const string Ep = "ep";
    private const string Host = "host";

    private static readonly string[] s_keys =
        ["description", "guests", "links", "judged-by", "options", "limits", "add", "modules"];

    private static readonly Dictionary<string, string> s_limits = new()
    {
        ["run"] = "timeout",
        ["boot"] = "boot-timeout",
        ["link"] = "link-timeout",
        ["case"] = "case-timeout",
    };

    // These choose what runs, and where; a scenario is that itself.
    private static readonly string[] s_notOptions =
    [
        "scenario", "ep-script", "host-script", "add", "module", "shell", "out", "pin", "no-pin", "qemu", "accel",
        "slow", .. s_limits.Values,
    ];

    /// <summary>Names of options that a scenario can set.</summary>
    public static IReadOnlyList<string> Options { get; } =
    [
        .. CommandLineReader.OptionsOf(typeof(PairOptions)).Keys.Select(name => name[2..]).Except(s_notOptions).Order(),
    ];

    /// <exception cref="UsageException">The message starts with file and line.</exception>
    public static Scenario Read(string folder)
    {
        string file = Path.Combine(folder, Scenario.FileName);
        var root = new YamlSection(file, Parse(file), "a scenario", s_keys);
        IReadOnlyList<ScenarioGuest> guests = ReadGuests(root, folder);
        return new Scenario(
            Path.GetFileName(Path.TrimEndingDirectorySeparator(folder)),
            folder,
            root.Required("description", "a scenario").Trim())
        {
            Guests = guests,
            Links = ReadLinks(root, guests),
            Verdict = ReadVerdict(root),
            Arguments = [.. ReadOptions(root), .. ReadLimits(root), .. ReadFiles(root, folder)],
            ModuleSources = [.. root.Texts("modules").Select(name => ModuleSource(root, folder, name))],
        };
    }

    private static YamlNode Parse(string file)
    {
        try
        {
            using StreamReader text = File.OpenText(file);
            var yaml = new YamlStream();
            yaml.Load(text);
            return yaml.Documents.Count == 1
                ? yaml.Documents[0].RootNode
                : throw new UsageException($"{file}:1: it has to be one YAML document");
        }
        catch (YamlException error)
        {
            throw new UsageException($"{file}:{error.Start.Line}: {error.Message}");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"{file}: {error.Message}");
        }
    }

    private static IReadOnlyList<ScenarioGuest> ReadGuests(YamlSection root, string folder)
    {
        YamlSection all = root.Section("guests", "'guests'");
        IEnumerable<string> names = all.Keys.Any() ? all.Keys : [Ep, Host];
        return [.. names.Select(name => ReadGuest(all, name, folder))];
    }

    private static ScenarioGuest ReadGuest(YamlSection all, string name, string folder)
    {
        YamlSection guest = all.Section(
            name, $"guest '{name}'", "role", "script", "processors", "memory", "kernel-words", "qemu");
        string role = guest.Text("role") ?? name;
        if (role is not (Ep or Host))
        {
            throw (guest.Has("role") ? guest : all).Invalid(
                guest.Has("role") ? "role" : name, $"guest '{name}' needs the role {Ep} or {Host}");
        }

        string script = Path.Combine(folder, guest.Text("script") ?? name);
        if (!File.Exists(script))
        {
            throw (guest.Has("script") ? guest : all).Invalid(
                guest.Has("script") ? "script" : name, $"guest '{name}' has no script: {script} does not exist");
        }

        string? processors = guest.Text("processors");
        Check(guest, "processors", processors, OptionCheck.IsProcessors, "a number from 1 to 99");
        Check(guest, "memory", guest.Text("memory"), OptionCheck.IsSize, "a size such as 512M or 2G");
        return new ScenarioGuest(name, role == Ep, script)
        {
            Processors = processors == null ? null : int.Parse(processors),
            Memory = guest.Text("memory"),
            KernelWords = Words(guest.Texts("kernel-words")),
            QemuArguments = Words(guest.Texts("qemu")),
        };
    }

    private static ScenarioLink[] ReadLinks(YamlSection root, IReadOnlyList<ScenarioGuest> guests)
    {
        ScenarioLink[] links =
        [
            .. root.Sections("links", "a link", Ep, Host).Select(link => new ScenarioLink(
                GuestOf(link, Ep, guests), GuestOf(link, Host, guests))),
        ];
        if (links.Length == 0 && guests.Count(guest => guest.IsEp) == 1 && guests.Count == 2)
        {
            return
            [
                new ScenarioLink(
                    guests.Single(guest => guest.IsEp).Name, guests.Single(guest => !guest.IsEp).Name),
            ];
        }

        ScenarioGuest? alone = guests.FirstOrDefault(
            guest => !links.Any(link => link.Ep == guest.Name || link.Host == guest.Name));
        return alone == null ? links : throw root.Invalid("links", $"no link joins guest '{alone.Name}'");
    }

    private static string GuestOf(YamlSection link, string role, IReadOnlyList<ScenarioGuest> guests)
    {
        string name = link.Required(role, "a link");
        return guests.Any(guest => guest.Name == name && guest.IsEp == (role == Ep))
            ? name
            : throw link.Invalid(role, $"no guest '{name}' has the role {role}");
    }

    private static ScenarioVerdict ReadVerdict(YamlSection root) => root.Text("judged-by") switch
    {
        null or "exit-status" => ScenarioVerdict.ExitStatus,
        "ktap" => ScenarioVerdict.Ktap,
        string other => throw root.Invalid("judged-by", $"'{other}' is unknown; known are: exit-status, ktap"),
    };

    private static IEnumerable<string> ReadOptions(YamlSection root)
    {
        YamlSection options = root.Section("options", "'options'", Options);
        return options.Keys.SelectMany(key => Argument(options, key, key, options.Text(key)!));
    }

    private static IEnumerable<string> ReadLimits(YamlSection root)
    {
        YamlSection limits = root.Section("limits", "'limits'", s_limits.Keys);
        return limits.Keys.SelectMany(key => Argument(limits, key, s_limits[key], limits.Text(key)!));
    }

    private static string[] Argument(YamlSection section, string key, string option, string value)
    {
        string name = "--" + option;
        bool isFlag = CommandLineReader.OptionsOf(typeof(PairOptions))[name] == typeof(bool);
        Check(section, key, value, text => !isFlag || text is "true" or "false", "true or false");
        string[] words = !isFlag ? [name, value] : value == "true" ? [name] : [];
        try
        {
            CommandLineReader.Read<PairOptions>(words).Check();
            return words;
        }
        catch (UsageException error)
        {
            throw section.Invalid(key, error.Message);
        }
    }

    private static IEnumerable<string> ReadFiles(YamlSection root, string folder)
    {
        foreach (string addition in root.Texts("add"))
        {
            string path = Path.Combine(folder, addition);
            string source = path.Split(':')[0];
            if (!Path.Exists(source))
            {
                throw root.Invalid("add", $"{source} does not exist");
            }

            yield return "--add";
            yield return path;
        }
    }

    private static string ModuleSource(YamlSection root, string folder, string name)
    {
        string path = Path.Combine(folder, name);
        return File.Exists(Path.Combine(path, "Kbuild"))
            ? path
            : throw root.Invalid("modules", $"{path} is not a folder with a Kbuild");
    }

    private static void Check(YamlSection section, string key, string? value, Func<string, bool> isValid, string what)
    {
        if (value != null && !isValid(value))
        {
            throw section.Invalid(key, $"'{key}: {value}' is not {what}");
        }
    }

    private static string[] Words(IEnumerable<string> texts) =>
        [.. texts.SelectMany(text => text.Split(' ', StringSplitOptions.RemoveEmptyEntries))];
}
