using EpfTest.Kit;
using EpfTest.Kit.VfioUser;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.VfioUser;
using Microsoft.Extensions.Logging.Abstractions;

namespace EpfTest.Pair.VfioUser;

/// <summary>A server that asks for its client's next message before it waits for it.</summary>
internal sealed class PollingTests
{
    // Too short for any message to come meanwhile, and far longer than any takes.
    private const int Never = 1;
    private const int Always = 5_000_000;

    [TestCase(Never)]
    [TestCase(Always)]
    public void ClientIsAnsweredAndItsHangUpSeen(int microseconds)
    {
        using var device = new TestDevice();
        using var folder = new TemporaryFolder();
        using var server = new VfioUserServer(
            device,
            folder.File("device.sock"),
            NullLogger.Instance,
            new VfioUserServerOptions { Poll = TimeSpan.FromMicroseconds(microseconds) });
        for (int connection = 0; connection < 2; connection++)
        {
            using var client = RawVfioUserClient.Connect(folder.File("device.sock"));
            Assert.That(client.Negotiate().Error, Is.EqualTo(Errno.None));
            for (int read = 0; read < 20; read++)
            {
                Assert.That(client.ReadRegion(TestDevice.Small, 0, 4), Has.Length.EqualTo(4));
            }
        }

        Wait.Until(() => device.Calls.Count(call => call == "disconnected") == 2, "both clients are seen to have gone");
    }

    [Test]
    public void PollingServerAsksWithoutWaiting()
    {
        using var device = new TestDevice();
        using var folder = new TemporaryFolder();
        using var server = new VfioUserServer(
            device,
            folder.File("device.sock"),
            NullLogger.Instance,
            new VfioUserServerOptions { Poll = TimeSpan.FromMicroseconds(Always) });
        using var client = RawVfioUserClient.Connect(folder.File("device.sock"));
        int thread = 0;
        device.OnRead = () =>
        {
            thread = SystemCallTrace.CurrentThread();
            return Errno.None;
        };
        client.Negotiate();
        client.ReadRegion(TestDevice.Small, 0, 4);
        using var trace = SystemCallTrace.Attach(thread);
        trace.WaitFor("MSG_DONTWAIT", 10);
        Assert.That(client.ReadRegion(TestDevice.Small, 0, 4), Has.Length.EqualTo(4));
    }
}
