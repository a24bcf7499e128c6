using EpfTest.Bench.Guests;
using EpfTest.Bench.Machine;
using EpfTest.Bench.Measurement;
using EpfTest.Protocol.Hosting;
using EpfTest.Protocol.Linux;

namespace EpfTest.Bench.Rows;

/// <summary>The DMA engine with a full ring: all descriptors of a measurement are submitted at once.</summary>
internal static class DmaRows
{
    // Bytes of source and destination, which both sides copy repeatedly.
    private const int Span = 16 << 20;
    private const int DirectBytes = 128 << 20;
    private const int TlpBytes = 16 << 20;
    private const int StreamChunk = 64 << 10;

    private static readonly (int Size, string Name, double Goal)[] s_sizes =
        [(1 << 20, "1 MiB", 0.95), (64 << 10, "64 KiB", 0.90), (4 << 10, "4 KiB", 0.50)];

    // The largest sizes, as hosts set them for speed, and those that Linux sets below QEMU's root ports.
    private static readonly (int Payload, int ReadRequest, bool HasGoal)[] s_transferSizes =
        [(4096, 4096, true), (128, 512, false)];

    public static IEnumerable<Row> Measure(Rig rig)
    {
        // The client waits on the other core, so that the engine has its core for itself.
        Client.Pin(rig.Cores.Host);
        using (var pair = new Pair(rig.Programs, rig.Cores, DataPath.Direct))
        {
            IntPtr ep = Client.Map(pair.Ep.Memory.Descriptor, DeviceClient.MemorySize) + EpSide.DmaMemory;
            IntPtr host = Client.Map(pair.Hosts[0].Memory.Descriptor, DeviceClient.MemorySize) + EpSide.DmaMemory;
            foreach ((int size, string name, double goal) in s_sizes)
            {
                foreach (bool fromHost in (bool[])[true, false])
                {
                    Fill(pair, fromHost);
                    pair.Ep.FillRing(size, Span, fromHost);
                    int count = DirectBytes / size;
                    yield return rig.Rounds.Compare(
                        $"DMA {Direction(fromHost)}, direct path, {name}",
                        "GB/s",
                        Goal.RatioAtLeast(goal),
                        () => DirectBytes / pair.Ep.RunRing(count),
                        () => CopyRate(rig, fromHost ? (ep, host) : (host, ep), size, count));
                    Check(pair);
                }
            }
        }

        using (var pair = new Pair(rig.Programs, rig.Cores, DataPath.Tlp))
        {
            int size = s_sizes[0].Size;
            UnixSocket stream = rig.Reference.Answer(rig.Cores.Ep, TlpBytes + 1, 1);
            foreach ((int payload, int readRequest, bool hasGoal) in s_transferSizes)
            {
                pair.Hosts[0].SetTransferSizes(payload, readRequest);
                foreach (bool fromHost in (bool[])[true, false])
                {
                    Fill(pair, fromHost);
                    pair.Ep.FillRing(size, Span, fromHost);
                    yield return rig.Rounds.Compare(
                        $"DMA {Direction(fromHost)}, TLP path, {s_sizes[0].Name}, MPS {payload}",
                        "GB/s",
                        hasGoal ? Goal.RatioAtLeast(0.5) : Goal.None,
                        () => TlpBytes / pair.Ep.RunRing(TlpBytes / size),
                        () => TlpBytes / Client.OneWay(stream, new byte[StreamChunk], TlpBytes / StreamChunk, [0], 1));
                    Check(pair);
                }
            }
        }
    }

    private static string Direction(bool fromHost) => fromHost ? "from host" : "to host";

    private static double CopyRate(Rig rig, (IntPtr To, IntPtr From) memory, int size, int count)
    {
        Client.Pin(rig.Cores.Ep);
        double time = Client.Copies(memory.To, memory.From, size, Span, count);
        Client.Pin(rig.Cores.Host);
        return DirectBytes / time;
    }

    private static void Fill(Pair pair, bool fromHost)
    {
        byte[] data = new byte[Span];
        Random.Shared.NextBytes(data);
        (fromHost ? pair.Hosts[0].Memory : pair.Ep.Memory).Write(EpSide.DmaMemory, data);
        (fromHost ? pair.Ep.Memory : pair.Hosts[0].Memory).Write(EpSide.DmaMemory, new byte[Span]);
    }

    private static void Check(Pair pair)
    {
        bool IsCopied() => pair.Hosts[0].Memory.Read(EpSide.DmaMemory, Span).AsSpan().SequenceEqual(
            pair.Ep.Memory.Read(EpSide.DmaMemory, Span));

        // Posted writes may arrive after their descriptor is done.
        if (!SpinWait.SpinUntil(IsCopied, Limits.Reply))
        {
            throw new InvalidOperationException("DMA did not copy what it should have");
        }
    }
}
