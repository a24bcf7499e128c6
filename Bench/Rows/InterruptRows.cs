using EpfTest.Bench.Guests;
using EpfTest.Bench.Machine;
using EpfTest.Bench.Measurement;
using EpfTest.Protocol.Hosting;
using EpfTest.Protocol.Linux;

namespace EpfTest.Bench.Rows;

/// <summary>From the EP guest's write to RAISE_MSIX until a thread of the host side has read the eventfd.</summary>
internal static class InterruptRows
{
    private const int Signals = 1500;

    // A frame of the link is 8 bytes, a message's header 16.
    private const int MessageFrame = 8 + 16;

    public static IEnumerable<Row> Measure(Rig rig)
    {
        using EventFd signal = EventFd.Create();
        using EventFd farSignal = EventFd.Create();
        UnixSocket oneHop =
            rig.Reference.Signal(rig.Cores.Ep, DeviceClient.WriteRequestSize, DeviceClient.WriteReplySize, signal);
        UnixSocket twoHops = rig.Reference.SignalChain(
            rig.Cores.Ep,
            DeviceClient.WriteRequestSize,
            DeviceClient.WriteReplySize,
            rig.Cores.Host,
            MessageFrame,
            farSignal);
        yield return Compare(rig, "interrupt, direct path, by one hop", DataPath.Direct, oneHop, signal);
        yield return Compare(rig, "interrupt, TLP path, by two hops", DataPath.Tlp, twoHops, farSignal);
    }

    private static Row Compare(Rig rig, string name, DataPath dataPath, UnixSocket reference, EventFd referenceSignal)
    {
        using var pair = new Pair(rig.Programs, rig.Cores, dataPath);
        byte[] request = EpSide.RaiseMsix(0);
        Client.Pin(rig.Cores.Ep);
        return rig.Rounds.Compare(
            name,
            "us",
            Goal.RatioAtMost(1.15),
            () => Time(pair.Ep.Socket, pair.Hosts[0].Signal),
            () => Time(reference, referenceSignal));

        double Time(UnixSocket server, EventFd signalled) => Client.Signal(
            server, request, DeviceClient.WriteReplySize, signalled, rig.Cores.Host, Signals) / 1e3;
    }
}
