using EpfTest.Bench.Guests;
using EpfTest.Bench.Machine;
using EpfTest.Bench.Measurement;
using EpfTest.EpcDevice.Registers;
using EpfTest.Kit;
using EpfTest.Protocol.Linux;

namespace EpfTest.Bench.Rows;

/// <summary>REGION_READ of a register of EpcDevice.</summary>
internal static class RegisterRows
{
    private const int Reads = 5000;
    private const int PollMicroseconds = 200;

    public static IEnumerable<Row> Measure(Rig rig)
    {
        int core = rig.Cores.Ep;
        int other = rig.Cores.Host;
        yield return Compare(rig, "register read, one core", Goal.RatioAtMost(1.10), core, core, 0);
        yield return Compare(rig, "register read, across cores", Goal.None, core, other, 0);
        yield return Compare(
            rig, "register read, server polls on its own core", Goal.RatioAtMost(1.15), core, other, PollMicroseconds);
    }

    private static Row Compare(Rig rig, string name, Goal goal, int clientCore, int serverCore, int poll)
    {
        string folder = rig.Programs.NewFolder();
        string socket = Path.Combine(folder, "epc");
        using ChildProcess epc = rig.Programs.StartEpc(
            serverCore, socket, Path.Combine(folder, "link"), "--poll-us", $"{poll}");
        epc.WaitForSocket(socket);
        using var client = new DeviceClient(socket);
        if (client.Read32(EpSide.Registers, EpcRegister.Id) != EpcRegister.IdValue)
        {
            throw new InvalidOperationException("EpcDevice's ID register does not have its value");
        }

        UnixSocket reference =
            rig.Reference.Answer(serverCore, DeviceClient.ReadRequestSize, DeviceClient.ReadReplySize, poll);
        byte[] request = DeviceClient.ReadRequest(EpSide.Registers, EpcRegister.Id);
        Client.Pin(clientCore);
        return rig.Rounds.Compare(
            name, "us", goal, () => Time(client.Socket), () => Time(reference));

        double Time(UnixSocket server) =>
            Client.RoundTrip(server, request, DeviceClient.ReadReplySize, Reads) / 1e3;
    }
}
