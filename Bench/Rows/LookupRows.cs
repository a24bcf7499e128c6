using System.Diagnostics;
using EpfTest.Bench.Machine;
using EpfTest.Bench.Measurement;
using EpfTest.Kit;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Memory;

namespace EpfTest.Bench.Rows;

/// <summary>4-byte reads at random addresses of guest memory with the most DMA mappings.</summary>
/// <remarks>The reference is a binary search in C among the same addresses; the goal is absolute.</remarks>
internal static class LookupRows
{
    private const int Lookups = 200_000;
    private const int Page = 4096;

    public static IEnumerable<Row> Measure(Rig rig)
    {
        Client.Pin(rig.Cores.Ep);
        using var memory = Memfd.Create(Page);
        using var table = new RangeTable();
        ulong[] addresses = new ulong[RangeTable.MaxRanges];
        for (int i = 0; i < addresses.Length; i++)
        {
            addresses[i] = (ulong)i * 2 * Page;
            Errno error = table.Map(
                addresses[i], Page, DmaAccess.Read, memory.Descriptor.Duplicate(), 0, mayMap: true, out _);
            if (error != Errno.None)
            {
                throw new LinuxException("map a range for DMA", error);
            }
        }

        var random = new Random(1);
        ulong[] wanted = new ulong[Lookups];
        for (int i = 0; i < wanted.Length; i++)
        {
            wanted[i] = addresses[random.Next(addresses.Length)]
                + (ulong)random.Next(Page / sizeof(uint)) * sizeof(uint);
        }

        // Until the runtime has optimised the code.
        for (int i = 0; i < 20; i++)
        {
            _ = Time(table, wanted);
        }

        yield return rig.Rounds.Compare(
            "lookup among 65,535 DMA mappings",
            "ns",
            Goal.AtMost(100),
            () => Time(table, wanted),
            () => Client.Search(addresses, wanted));
    }

    private static double Time(RangeTable table, ulong[] wanted)
    {
        Span<byte> data = stackalloc byte[sizeof(uint)];
        Errno error = Errno.None;
        long start = Stopwatch.GetTimestamp();
        foreach (ulong address in wanted)
        {
            error |= table.Read(address, data);
        }

        double time = Stopwatch.GetElapsedTime(start).TotalNanoseconds;
        return error == Errno.None ? time / wanted.Length : throw new LinuxException("read guest memory", error);
    }
}
