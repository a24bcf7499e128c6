
namespace EpfTest.Kit.VfioUser;

/// <summary>Gives each test a server and a client that has agreed on the version.</summary>
internal abstract class ConnectedFixture : ServerFixture
{
    protected RawVfioUserClient Client { get; private set; } = null!;

    [SetUp]
    public void ConnectClient() => Client = Connect();

    [TearDown]
    public void DisconnectClient() => Client.Dispose();
}
