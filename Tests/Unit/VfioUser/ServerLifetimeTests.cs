using EpfTest.Kit;
using EpfTest.Kit.VfioUser;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.VfioUser;
using Microsoft.Extensions.Logging.Abstractions;

namespace EpfTest.Unit.VfioUser;

/// <summary>How a server starts and ends, and who is served when.</summary>
internal sealed class ServerLifetimeTests : ServerFixture
{
    [Test]
    public void SecondClientIsServedWhenTheFirstHasGone()
    {
        RawVfioUserClient first = Connect();
        RawVfioUserClient second = ConnectSilently();
        second.Send(RawMessage.Build(1, RawCommand.Version, RawPayload.Version(0, 0, "{}")));
        Assert.That(first.ReadRegion(TestDevice.Small, 0, 4), Has.Length.EqualTo(4));
        Assert.That(Device.Calls, Is.EqualTo(Calls("attach", "connected")));
        first.Dispose();
        Assert.That(second.Receive().Error, Is.EqualTo(Errno.None));
        Assert.That(Device.Calls, Is.EqualTo(Calls("attach", "connected", "disconnected", "connected")));
    }

    [TestCase(0)]
    [TestCase(7)]
    [TestCase(20)]
    public void DisposeHangsUpAlsoInsideAMessageAndRemovesTheSocket(int bytes)
    {
        RawVfioUserClient client = Connect();
        client.ReadRegion(TestDevice.Small, 0, 4);
        byte[] message = RawMessage.Build(
            9, RawCommand.RegionWrite, RawPayload.RegionAccess(TestDevice.Small, 0, 4, 1, 2, 3, 4));
        if (bytes > 0)
        {
            client.Send(message.AsSpan(0, bytes));
        }

        Wait.For(Task.Run(Server.Dispose));
        client.ExpectHangUp();
        Assert.That(File.Exists(SocketPath), Is.False);
        Assert.That(Device.Calls, Has.Some.EqualTo("disconnected"));
        Assert.That(Device.Calls, Has.None.StartsWith("write"));
    }

    [Test]
    public void DisposeEndsRequestsThatWaitForTheClient()
    {
        RawVfioUserClient client = Connect();
        client.Try(RawCommand.DmaMap, RawPayload.DmaMap(0x10000, 0x1000));
        Task<Errno> read = Task.Run(() => Server.Memory.Read(0x10000, new byte[4]));
        client.Receive();
        Wait.For(Task.Run(Server.Dispose));
        Assert.That(Wait.For(read), Is.EqualTo(Errno.ENOTCONN));
        Assert.That(Server.Memory.Read(0x10000, new byte[4]), Is.EqualTo(Errno.EFAULT));
        Assert.That(Server.Interrupts.Trigger(IrqIndex.Msix, 0), Is.False);
    }

    [Test]
    public void DisposeMayBeRepeated()
    {
        Server.Dispose();
        Assert.That(Server.Dispose, Throws.Nothing);
    }

    [Test]
    public void SocketThatIsServedIsNotTakenOver()
    {
        using var other = new TestDevice();
        Assert.That(
            () => new VfioUserServer(other, SocketPath, NullLogger.Instance),
            Throws.TypeOf<LinuxException>().With.Property(nameof(LinuxException.Errno)).EqualTo(Errno.EADDRINUSE));
        Assert.That(other.Calls, Is.Empty);
        Connect();
    }

    private static string[] Calls(params string[] calls) => calls;
}
