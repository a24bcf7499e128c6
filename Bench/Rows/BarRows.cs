using EpfTest.Bench.Guests;
using EpfTest.Bench.Machine;
using EpfTest.Bench.Measurement;
using EpfTest.Protocol.Hosting;
using EpfTest.Protocol.Linux;

namespace EpfTest.Bench.Rows;

/// <summary>The host's accesses to a BAR in memory of the EP guest.</summary>
internal static class BarRows
{
    private const int Reads = 4000;
    private const int Writes = 20000;

    // Outside the MSI-X table and pending bits.
    private const ulong Offset = 0x4000;

    // A frame of the link is 8 bytes, a memory read's header 12, a completion's 12 and its data 4.
    private const int ReadFrame = 8 + 12;
    private const int CompletionFrame = 8 + 12 + 4;

    public static IEnumerable<Row> Measure(Rig rig)
    {
        using (var pair = new Pair(rig.Programs, rig.Cores, DataPath.Direct))
        {
            UnixSocket single =
                rig.Reference.Answer(rig.Cores.Host, DeviceClient.ReadRequestSize, DeviceClient.ReadReplySize);
            yield return Read(rig, "host BAR read, direct path", Goal.RatioAtMost(1.10), pair, single);
            yield return Write(rig, pair);
        }

        using (var pair = new Pair(rig.Programs, rig.Cores, DataPath.Tlp))
        {
            UnixSocket chain = rig.Reference.Chain(
                rig.Cores.Host,
                DeviceClient.ReadRequestSize,
                DeviceClient.ReadReplySize,
                rig.Cores.Ep,
                ReadFrame,
                CompletionFrame);
            yield return Read(rig, "host BAR read, TLP path", Goal.RatioAtMost(1.15), pair, chain);
        }
    }

    private static Row Read(Rig rig, string name, Goal goal, Pair pair, UnixSocket reference)
    {
        HostSide host = pair.Hosts[0];
        Check(pair, 0x1234_5678);
        Client.Pin(rig.Cores.Host);
        byte[] request = DeviceClient.ReadRequest(0, Offset);
        Row row = rig.Rounds.Compare(name, "us", goal, () => Time(host.Socket), () => Time(reference));
        Check(pair, 0x9abc_def0);
        return row;

        double Time(UnixSocket server) => Client.RoundTrip(server, request, DeviceClient.ReadReplySize, Reads) / 1e3;
    }

    private static Row Write(Rig rig, Pair pair)
    {
        HostSide host = pair.Hosts[0];
        UnixSocket reference = rig.Reference.Answer(
            rig.Cores.Host,
            ((long)Writes * DeviceClient.WriteRequestSize) + DeviceClient.ReadRequestSize,
            DeviceClient.ReadReplySize);
        Client.Pin(rig.Cores.Host);
        byte[] write = DeviceClient.WriteRequest(0, Offset, 0x5555_aaaa, posted: true);
        byte[] read = DeviceClient.ReadRequest(0, Offset);
        Row row = rig.Rounds.Compare(
            "posted BAR writes, direct path",
            "M/s",
            Goal.RatioAtLeast(0.8),
            () => Rate(host.Socket),
            () => Rate(reference));
        Expect(pair, 0x5555_aaaa);
        return row;

        double Rate(UnixSocket server) =>
            Writes * 1e3 / Client.OneWay(server, write, Writes, read, DeviceClient.ReadReplySize);
    }

    /// <summary>Checks that a write reaches the memory behind the BAR.</summary>
    private static void Check(Pair pair, uint value)
    {
        pair.Hosts[0].Write(0, Offset, BitConverter.GetBytes(value));
        Expect(pair, value);
    }

    private static void Expect(Pair pair, uint value)
    {
        uint read = pair.Hosts[0].Read32(0, Offset);
        uint stored = BitConverter.ToUInt32(pair.Ep.Memory.Read(EpSide.BarAt(0) + (long)Offset, sizeof(uint)));
        if (read != value || stored != value)
        {
            throw new InvalidOperationException(
                $"a BAR has 0x{read:x} and the memory behind it 0x{stored:x}, not 0x{value:x}");
        }
    }
}
