using System.Globalization;

namespace EpfTest.Kit;

/// <summary>
/// Free huge pages of this machine, one test at a time. Adds what is missing and takes it back when disposed; the test
/// is skipped where that is impossible.
/// </summary>
internal sealed class HugePages : IDisposable
{
    /// <summary>Bytes of a page.</summary>
    public static readonly int Size = (int)ReadMemoryInfo("Hugepagesize") << 10;

    private const string Total = "/proc/sys/vm/nr_hugepages";

    private readonly FileStream _turn;
    private readonly long _added;

    public HugePages(int count)
    {
        _turn = Take();
        long missing = count - Available;
        if (missing <= 0)
        {
            return;
        }

        long before = ReadTotal();
        if (TryWriteTotal(before + missing))
        {
            _added = ReadTotal() - before;
        }

        if (Available < count)
        {
            Dispose();
            Assert.Ignore($"this machine has no {count} huge pages to give: sysctl vm.nr_hugepages={count}, as root");
        }
    }

    /// <summary>Pages that nobody uses or has reserved.</summary>
    public static long Available => ReadMemoryInfo("HugePages_Free") - ReadMemoryInfo("HugePages_Rsvd");

    public void Dispose()
    {
        if (_added > 0)
        {
            TryWriteTotal(ReadTotal() - _added);
        }

        _turn.Dispose();
    }

    private static FileStream Take()
    {
        string path = Path.Combine(Path.GetTempPath(), "epftest-huge-pages.lock");
        FileStream? turn = null;
        Wait.Until(() => TryOpen(path, out turn), "another test gives its huge pages back");
        return turn!;
    }

    private static bool TryOpen(string path, out FileStream? file)
    {
        try
        {
            file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            return true;
        }
        catch (IOException)
        {
            file = null;
            return false;
        }
    }

    private static long ReadMemoryInfo(string name) => File.ReadLines("/proc/meminfo")
        .Where(line => line.StartsWith($"{name}:", StringComparison.Ordinal))
        .Select(line => Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]))
        .FirstOrDefault();

    private static long ReadTotal() => Parse(File.ReadAllText(Total));

    private static bool TryWriteTotal(long total)
    {
        try
        {
            File.WriteAllText(Total, total.ToString(CultureInfo.InvariantCulture));
            return true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static long Parse(string number) => long.Parse(number, CultureInfo.InvariantCulture);
}
