namespace EpfTest.Kit;

/// <summary>
/// Descriptors of the kinds that a client and a server have, in this process, where the servers under test run; the
/// runtime opens and closes files and pipes of its own at any time.
/// </summary>
internal static class OpenDescriptors
{
    private static readonly string[] s_kinds =
        ["socket:", "anon_inode:[eventfd]", "anon_inode:[eventpoll]", "/memfd:epftest"];

    public static int Count() => List().Count;

    /// <summary>Waits until no more are open than <paramref name="before"/>.</summary>
    public static void WaitUntilBackTo(int before) => Assert.That(
        SpinWait.SpinUntil(() => Count() <= before, Wait.Limit),
        Is.True,
        () => $"more than {before} descriptors stayed open: {string.Join(", ", List())}");

    private static List<string> List() =>
        [.. Directory.GetFileSystemEntries("/proc/self/fd")
            .Select(path => new FileInfo(path).LinkTarget ?? "")
            .Where(target => s_kinds.Any(kind => target.StartsWith(kind, StringComparison.Ordinal)))];
}
