using System.Globalization;
using EpfTest.Kit;

namespace EpfTest.Bench.Machine;

/// <summary>EpcDevice and EpfBridge as the Release build makes them.</summary>
/// <param name="repository">The repository.</param>
/// <param name="folder">A folder for sockets, with a name short enough for their addresses.</param>
internal sealed class Programs(string repository, string folder)
{
    private int _folders;

    /// <summary>Makes a folder for one pair's sockets.</summary>
    public string NewFolder() =>
        Directory.CreateDirectory(Path.Combine(folder, (++_folders).ToString(CultureInfo.InvariantCulture))).FullName;

    /// <summary>Starts a program.</summary>
    /// <param name="core">The core that the program may use; null for all.</param>
    /// <param name="program">Its path.</param>
    /// <param name="arguments">Its command line.</param>
    public static ChildProcess Start(int? core, string program, params IEnumerable<string> arguments) =>
        core is null ? new(program, arguments) : new("taskset", ["-c", $"{core}", program, .. arguments]);

    public ChildProcess StartEpc(int? core, string socket, string link, params IEnumerable<string> more) =>
        Start(core, PathOf("EpcDevice"), ["--socket", socket, "--link", link, .. more]);

    public ChildProcess StartBridge(int? core, string socket, string link, params IEnumerable<string> more) =>
        Start(core, PathOf("EpfBridge"), ["--socket", socket, "--link", link, .. more]);

    private string PathOf(string name) => Path.Combine(repository, name, "bin", "Release", "net10.0", name);
}
