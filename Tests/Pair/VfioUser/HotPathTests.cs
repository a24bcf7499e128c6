using EpfTest.Kit;
using EpfTest.Kit.VfioUser;
using EpfTest.Protocol.Linux;

namespace EpfTest.Pair.VfioUser;

/// <summary>What a region access costs the server.</summary>
internal sealed class HotPathTests : ConnectedFixture
{
    [Test]
    public void RegionReadAllocatesNothing()
    {
        const int WarmUp = 200;
        const int Measured = 200;
        long[] allocated = new long[WarmUp + Measured];
        int count = 0;
        Device.OnRead = () =>
        {
            allocated[count++] = GC.GetAllocatedBytesForCurrentThread();
            return Errno.None;
        };
        for (int i = 0; i < allocated.Length; i++)
        {
            Client.ReadRegion(TestDevice.Small, 0, 4);
        }

        Assert.That(allocated[^1] - allocated[WarmUp], Is.Zero, $"in {Measured} reads");
    }

    [Test]
    public void RegionReadIsOneReceiveAndOneSend()
    {
        const int Reads = 20;
        int thread = 0;
        Device.OnRead = () =>
        {
            thread = SystemCallTrace.CurrentThread();
            return Errno.None;
        };
        Client.ReadRegion(TestDevice.Small, 0, 4);
        Device.OnRead = null;
        using var trace = SystemCallTrace.Attach(thread);
        for (int i = 0; i < Reads; i++)
        {
            Client.ReadRegion(TestDevice.Small, 0, 4);
        }

        // The receive that was waiting when the trace began is reported as resumed, the last one as unfinished.
        trace.WaitFor("sendmsg(", Reads);
        Client.ReadRegion(TestDevice.Small, 0, 4);
        trace.WaitFor("sendmsg(", Reads + 1);
        Assert.That(trace.Count("recvmsg("), Is.InRange(Reads, Reads + 2));
        Assert.That(trace.Count("("), Is.EqualTo(trace.Count("sendmsg(") + trace.Count("recvmsg(")), trace.ToString());
    }
}
