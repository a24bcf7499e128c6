using EpfTest.Protocol.VfioUser;
using Microsoft.Extensions.Logging.Abstractions;

namespace EpfTest.Kit.VfioUser;

/// <summary>Gives each test a server of its own at a socket of its own.</summary>
internal abstract class ServerFixture
{
    private readonly List<RawVfioUserClient> _clients = [];
    private TemporaryFolder _folder = null!;

    protected TestDevice Device { get; private set; } = null!;

    protected VfioUserServer Server { get; private set; } = null!;

    protected string SocketPath => _folder.File("device.sock");

    [SetUp]
    public void StartServer()
    {
        _folder = new TemporaryFolder();
        Device = new TestDevice();
        Server = new VfioUserServer(Device, SocketPath, NullLogger.Instance);
    }

    [TearDown]
    public void StopServer()
    {
        // A server that cannot end fails its test here, before the call that would hold up the run.
        Wait.For(Task.Run(Server.Dispose));
        Server.Dispose();
        _clients.ForEach(client => client.Dispose());
        _clients.Clear();
        Device.Dispose();
        _folder.Dispose();
    }

    /// <summary>A connection before the first message; ends with the test.</summary>
    protected RawVfioUserClient ConnectSilently()
    {
        var client = RawVfioUserClient.Connect(SocketPath);
        _clients.Add(client);
        return client;
    }

    /// <summary>A connection whose version has been agreed on; ends with the test.</summary>
    protected RawVfioUserClient Connect(string json = RawPayload.Capabilities)
    {
        RawVfioUserClient client = ConnectSilently();
        Assert.That(client.Negotiate(json).Error, Is.EqualTo(Protocol.Linux.Errno.None));
        return client;
    }
}
