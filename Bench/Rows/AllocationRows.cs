using EpfTest.Bench.Guests;
using EpfTest.Bench.Machine;
using EpfTest.Bench.Measurement;
using EpfTest.EpcDevice;
using EpfTest.EpcDevice.Registers;
using EpfTest.EpfBridge;
using EpfTest.Kit;
using EpfTest.Protocol.Hosting;
using Microsoft.Extensions.Logging.Abstractions;

namespace EpfTest.Bench.Rows;

/// <summary>
/// Bytes that an access allocates in all threads of both processes. They run inside this process, whose runtime counts
/// allocations. The measuring loops are native and allocate nothing.
/// </summary>
internal static class AllocationRows
{
    private const int Accesses = 5000;
    private const int Descriptors = 2000;
    private const int DescriptorSize = 512;
    private const ulong Offset = 0x4000;

    public static IEnumerable<Row> Measure(Rig rig)
    {
        foreach (DataPath dataPath in (DataPath[])[DataPath.Direct, DataPath.Tlp])
        {
            string folder = rig.Programs.NewFolder();
            string link = Path.Combine(folder, "link");
            string socket = Path.Combine(folder, "epc");
            string hostSocket = Path.Combine(folder, "host");
            using var epc = new EpcService(
                new EpcOptions { Socket = socket, Link = link, DataPath = dataPath, PciId = "1234:e9c0" },
                NullLoggerFactory.Instance,
                static reason => throw new InvalidOperationException(reason));
            using var bridge = new RootPort(
                new BridgeOptions { Socket = hostSocket, Link = link, DataPath = dataPath },
                NullLoggerFactory.Instance);
            using var ep = new EpSide(socket);
            ep.SetUp(1);
            ep.LinkUp();
            using var host = new HostSide(hostSocket);
            ep.FillRing(DescriptorSize, 1 << 20, fromHost: true);
            string path = dataPath == DataPath.Direct ? "direct path" : "TLP path";

            if (dataPath == DataPath.Direct)
            {
                yield return Allocated(rig, "a register read", Accesses, () => Client.RoundTrip(
                    ep.Socket,
                    DeviceClient.ReadRequest(EpSide.Registers, EpcRegister.Id),
                    DeviceClient.ReadReplySize,
                    Accesses));
            }

            yield return Allocated(rig, $"a host BAR read, {path}", Accesses, () => Client.RoundTrip(
                host.Socket, DeviceClient.ReadRequest(0, Offset), DeviceClient.ReadReplySize, Accesses));
            yield return Allocated(rig, $"a posted BAR write, {path}", Accesses, () => Client.OneWay(
                host.Socket,
                DeviceClient.WriteRequest(0, Offset, 1, posted: true),
                Accesses,
                DeviceClient.ReadRequest(0, Offset),
                DeviceClient.ReadReplySize));
            yield return Allocated(rig, $"a DMA descriptor, {path}", Descriptors, () => ep.RunRing(Descriptors));
            yield return Allocated(rig, $"an interrupt, {path}", Accesses, () => Client.Signal(
                ep.Socket, EpSide.RaiseMsix(0), DeviceClient.WriteReplySize, host.Signal, rig.Cores.Host, Accesses));
        }
    }

    private static Row Allocated(Rig rig, string what, int count, Action work)
    {
        // The first rounds compile code and fill pools.
        for (int i = 0; i < 3; i++)
        {
            work();
        }

        return rig.Rounds.Take($"allocated for {what}", "bytes", Goal.AtMost(0), () =>
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            work();

            // The measurement itself allocates a few arrays: less than a byte for each access.
            return (GC.GetTotalAllocatedBytes(precise: true) - before) / count;
        });
    }
}
