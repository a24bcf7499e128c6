using System.Globalization;

namespace EpfTest.Rig.Pairs;

/// <summary>The folder that a run leaves.</summary>
internal sealed class RunFolder
{
    private const int KeptRuns = 20;

    /// <summary>Makes the folder, or empties what an earlier run has left in it.</summary>
    /// <param name="path">Where the user wants it; null for a new one in the cache.</param>
    public RunFolder(string? path)
    {
        Path = path is null ? MakeNew() : System.IO.Path.GetFullPath(path);
        Directory.CreateDirectory(Path);
        foreach (string pattern in new[] { "*.log", "*.pid", "*.ktap", "junit.xml", "result.json" })
        {
            foreach (string old in Directory.EnumerateFiles(Path, pattern))
            {
                System.IO.File.Delete(old);
            }
        }
    }

    public string Path { get; }

    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Makes a new folder in the cache; keeps those of the last 20 runs.</summary>
    private static string MakeNew()
    {
        string cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } home
            ? home
            : System.IO.Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        var runs = new DirectoryInfo(System.IO.Path.Combine(cache, "epftest", "runs"));
        runs.Create();
        foreach (DirectoryInfo old in runs.EnumerateDirectories().OrderByDescending(run => run.LastWriteTimeUtc)
            .Skip(KeptRuns - 1))
        {
            old.Delete(recursive: true);
        }

        string time = DateTime.Now.ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture);
        string path = System.IO.Path.Combine(runs.FullName, $"{time}.{System.IO.Path.GetRandomFileName()[..4]}");
        return Directory.CreateDirectory(path).FullName;
    }
}
