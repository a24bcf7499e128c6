using System.ComponentModel;
using System.Reflection;
using System.Runtime.InteropServices;
using EpfTest.Protocol.Linux;

namespace EpfTest.Bench.Machine;

/// <summary>
/// The measuring loops of <c>Bench/reference/client.c</c>. Times are in nanoseconds. A loop that fails throws, so that
/// no row has a figure of something that did not happen.
/// </summary>
internal static partial class Client
{
    private const string Library = "epftest-bench-client";

    public static void Load(string path) => NativeLibrary.SetDllImportResolver(
        Assembly.GetExecutingAssembly(),
        (name, _, _) => name == Library ? NativeLibrary.Load(path) : IntPtr.Zero);

    /// <summary>Binds the calling thread to a core.</summary>
    public static void Pin(int core) => Check(BenchPin(core));

    /// <summary>Nanoseconds of a round trip.</summary>
    public static double RoundTrip(UnixSocket socket, ReadOnlySpan<byte> request, int replySize, int count) =>
        Check(
            BenchRoundTrips(
                socket.Number, request, (nuint)request.Length, new byte[replySize], (nuint)replySize, count))
            / count;

    /// <summary>Round trips a second, measured for <paramref name="time"/>.</summary>
    public static double RoundTripsASecond(UnixSocket socket, ReadOnlySpan<byte> request, int replySize, TimeSpan time)
    {
        double spent = Check(BenchRoundTripsFor(
            socket.Number,
            request,
            (nuint)request.Length,
            new byte[replySize],
            (nuint)replySize,
            (long)time.TotalNanoseconds,
            out long count));
        return count * 1e9 / spent;
    }

    /// <summary>Nanoseconds of all messages without a reply and a last one with a reply.</summary>
    public static double OneWay(
        UnixSocket socket, ReadOnlySpan<byte> message, int count, ReadOnlySpan<byte> last, int replySize) =>
        Check(BenchOneWay(
            socket.Number,
            message,
            (nuint)message.Length,
            count,
            last,
            (nuint)last.Length,
            new byte[replySize],
            (nuint)replySize));

    /// <summary>Mean nanoseconds from a request until a thread on another core has read an eventfd.</summary>
    public static double Signal(
        UnixSocket socket, ReadOnlySpan<byte> request, int replySize, EventFd signal, int core, int count) =>
        Check(BenchSignals(
            socket.Number,
            request,
            (nuint)request.Length,
            new byte[replySize],
            (nuint)replySize,
            signal.Number,
            core,
            count)) / count;

    /// <summary>Nanoseconds from one request until an eventfd is signalled.</summary>
    public static double UntilSignal(UnixSocket socket, ReadOnlySpan<byte> request, int replySize, EventFd signal) =>
        Check(BenchUntilSignal(
            socket.Number, request, (nuint)request.Length, new byte[replySize], (nuint)replySize, signal.Number));

    /// <summary>Nanoseconds of consecutive copies within <paramref name="span"/> bytes.</summary>
    public static double Copies(IntPtr to, IntPtr from, int size, int span, int count) =>
        Check(BenchCopies(to, from, (nuint)size, (nuint)span, count));

    /// <summary>Maps a whole file for reading and writing, for good.</summary>
    public static IntPtr Map(FileDescriptor file, int size)
    {
        IntPtr mapping = BenchMap(file.Number, (nuint)size);
        return mapping != IntPtr.Zero ? mapping : throw new InvalidOperationException("a file could not be mapped");
    }

    /// <summary>Nanoseconds of a binary search.</summary>
    public static double Search(ulong[] table, ulong[] wanted) =>
        Check(BenchSearches(table, (nuint)table.Length, wanted, (nuint)wanted.Length, out _)) / wanted.Length;

    private static double Check(long result) => result >= 0 ? result : throw new Win32Exception((int)-result);

    [LibraryImport(Library, EntryPoint = "bench_pin")]
    private static partial long BenchPin(int core);

    [LibraryImport(Library, EntryPoint = "bench_round_trips")]
    private static partial long BenchRoundTrips(
        int socket, ReadOnlySpan<byte> request, nuint requestSize, byte[] reply, nuint replySize, nint count);

    [LibraryImport(Library, EntryPoint = "bench_round_trips_for")]
    private static partial long BenchRoundTripsFor(
        int socket,
        ReadOnlySpan<byte> request,
        nuint requestSize,
        byte[] reply,
        nuint replySize,
        long nanoseconds,
        out long count);

    [LibraryImport(Library, EntryPoint = "bench_one_way")]
    private static partial long BenchOneWay(
        int socket,
        ReadOnlySpan<byte> message,
        nuint messageSize,
        nint count,
        ReadOnlySpan<byte> last,
        nuint lastSize,
        byte[] reply,
        nuint replySize);

    [LibraryImport(Library, EntryPoint = "bench_signals")]
    private static partial long BenchSignals(
        int socket,
        ReadOnlySpan<byte> request,
        nuint requestSize,
        byte[] reply,
        nuint replySize,
        int signal,
        int core,
        nint count);

    [LibraryImport(Library, EntryPoint = "bench_until_signal")]
    private static partial long BenchUntilSignal(
        int socket, ReadOnlySpan<byte> request, nuint requestSize, byte[] reply, nuint replySize, int signal);

    [LibraryImport(Library, EntryPoint = "bench_copies")]
    private static partial long BenchCopies(IntPtr to, IntPtr from, nuint size, nuint span, nint count);

    [LibraryImport(Library, EntryPoint = "bench_map")]
    private static partial IntPtr BenchMap(int file, nuint size);

    [LibraryImport(Library, EntryPoint = "bench_searches")]
    private static partial long BenchSearches(
        ulong[] table, nuint entries, ulong[] wanted, nuint count, out ulong sum);
}
