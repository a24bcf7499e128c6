namespace EpfTest.Rig.Pairs;

/// <summary>
/// A temporary folder for the sockets and images of one run. Its name is short enough for a socket's path. A run that
/// was killed leaves its folder; a later one removes it.
/// </summary>
internal sealed class SocketFolder : IDisposable
{
    private const string Prefix = "epftest-run-";
    private const string LockName = "lock";

    private readonly FileStream _lock;

    public SocketFolder()
    {
        RemoveAbandoned();
        Path = Directory.CreateTempSubdirectory(Prefix).FullName;

        // Held as long as this process lives.
        _lock = new FileStream(File(LockName), FileMode.Create, FileAccess.ReadWrite, FileShare.None);
    }

    public string Path { get; }

    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <inheritdoc/>
    public void Dispose()
    {
        _lock.Dispose();
        Directory.Delete(Path, recursive: true);
    }

    private static void RemoveAbandoned()
    {
        foreach (string folder in Directory.EnumerateDirectories(System.IO.Path.GetTempPath(), Prefix + "*"))
        {
            try
            {
                // Another run may have made the folder a moment ago, without a lock yet.
                if (DateTime.UtcNow - Directory.GetLastWriteTimeUtc(folder) < TimeSpan.FromMinutes(1))
                {
                    continue;
                }

                string name = System.IO.Path.Combine(folder, LockName);
                using (new FileStream(name, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None))
                {
                    Directory.Delete(folder, recursive: true);
                }
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // It is in use, or another user's.
            }
        }
    }
}
