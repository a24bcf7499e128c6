using System.Runtime.Versioning;
using EpfTest.Rig.Options;

namespace EpfTest.Rig.Scenarios;

/// <summary>Writes a scenario that runs, to be changed by its owner.</summary>
[SupportedOSPlatform("linux")]
internal static class ScenarioTemplate
{
    private const UnixFileMode Executable =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    /// <exception cref="UsageException">There is something already.</exception>
    public static void Write(string folder)
    {
        if (Path.Exists(folder))
        {
            throw new UsageException($"new {folder}: it exists");
        }

        Directory.CreateDirectory(folder);
        foreach (string name in (string[])[Scenario.FileName, "ep", "host"])
        {
            string path = Path.Combine(folder, name);
            using (Stream text = typeof(ScenarioTemplate).Assembly.GetManifestResourceStream($"Template/{name}")!)
            using (FileStream file = File.Create(path))
            {
                text.CopyTo(file);
            }

            if (name != Scenario.FileName)
            {
                File.SetUnixFileMode(path, Executable);
            }
        }
    }
}
