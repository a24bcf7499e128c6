namespace EpfTest.Rig.Scenarios;

/// <summary>A scenario as text for a reader.</summary>
internal static class ScenarioText
{
    /// <summary>One line: its name and the first line of its description.</summary>
    public static string Line(Scenario scenario) => $"{scenario.Name,-12}  {scenario.Description.Split('\n')[0]}";

    /// <summary>All of it.</summary>
    public static IEnumerable<string> Lines(Scenario scenario)
    {
        yield return $"{scenario.Name}: {scenario.Folder}";
        yield return "";
        foreach (string line in scenario.Description.Split('\n'))
        {
            yield return line;
        }

        yield return "";
        foreach (ScenarioGuest guest in scenario.Guests)
        {
            yield return $"{(guest.IsEp ? "EP guest" : "host guest"),-10}  {guest.Name}{Details(guest)}";
        }

        foreach (ScenarioLink link in scenario.Links)
        {
            yield return $"link        {link.Ep} - {link.Host}";
        }

        foreach (string source in scenario.ModuleSources)
        {
            yield return $"module      {source}";
        }

        yield return $"judged by   {(scenario.Verdict == ScenarioVerdict.Ktap ? "the cases of the host's script" :
            "the exit statuses of the scripts")}";
        if (scenario.Arguments.Count > 0)
        {
            yield return $"options     {string.Join(' ', scenario.Arguments.Select(Quoted))}";
        }
    }

    private static string Details(ScenarioGuest guest)
    {
        string[] details =
        [
            guest.Processors is { } count ? $"{count} processors" : "",
            guest.Memory ?? "",
            string.Join(' ', guest.KernelWords.Prepend("kernel:").Where(_ => guest.KernelWords.Count > 0)),
            string.Join(' ', guest.QemuArguments.Prepend("QEMU:").Where(_ => guest.QemuArguments.Count > 0)),
        ];
        return string.Concat(
            details.Prepend(guest.Script).Where(detail => detail != "").Select(detail => $", {detail}"));
    }

    private static string Quoted(string word) => word.Contains(' ') ? $"'{word}'" : word;
}
