using System.Globalization;

namespace EpfTest.Rig.Soak;

/// <summary>What a process used at one moment of a soak.</summary>
/// <param name="Seconds">Since the soak began.</param>
/// <param name="PrivateMemory">
/// KiB that are its own. Pages of files, mostly libraries, do not count: the kernel caches them and drops them as it
/// likes.
/// </param>
/// <param name="FileMemory">KiB of files that it has mapped.</param>
internal sealed record ProcessSample(
    int Seconds, string Process, long PrivateMemory, int Descriptors, int Threads, long FileMemory)
{
    /// <summary>The sample of a running process, or null if it has ended.</summary>
    /// <param name="folder">Its folder in /proc.</param>
    public static ProcessSample? Take(int seconds, string process, string folder)
    {
        try
        {
            Dictionary<string, string> status = File.ReadLines(Path.Combine(folder, "status"))
                .Select(line => line.Split(':', 2))
                .ToDictionary(parts => parts[0], parts => parts[1].Trim());
            int descriptors = Directory.EnumerateFileSystemEntries(Path.Combine(folder, "fd")).Count();

            // A process that is ending has no memory any more.
            return status.TryGetValue("RssAnon", out string? memory)
                ? new ProcessSample(
                    seconds, process, Number(memory), descriptors, (int)Number(status["Threads"]),
                    Number(status["RssFile"]))
                : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public override string ToString() =>
        $"{Seconds} {Process} {PrivateMemory} {Descriptors} {Threads} {FileMemory}";

    // "11484 kB"
    private static long Number(string value) => long.Parse(value.Split(' ')[0], CultureInfo.InvariantCulture);
}
