using EpfTest.EpcDevice.Link;
using EpfTest.Kit;
using EpfTest.Kit.EpcDevice;
using EpfTest.Kit.Link;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Link.Messages;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie;
using Microsoft.Extensions.Logging.Abstractions;

namespace EpfTest.Unit.EpcDevice;

/// <summary>
/// The direct path before a map has arrived. A host maps memory and rings a doorbell; the bridge stores the doorbell in
/// the EP guest's memory, so the EP guest may use the memory while the map is still on its way.
/// </summary>
internal sealed class HostMemoryTests
{
    private const int Size = 0x4000;
    private const ulong Address = 0x1000;

    private readonly byte[] _bridgesMemory = new byte[Size];
    private EpcRig _rig = null!;
    private MemoryCompleter _bridge = null!;
    private LinkPair _link = null!;
    private HostMemory _memory = null!;

    [SetUp]
    public void Connect()
    {
        new Random(1).NextBytes(_bridgesMemory);
        _rig = EpcRig.WithHost();
        _bridge = new MemoryCompleter(_bridgesMemory, 64, 128);
        _link = LinkPair.Open(
            new TestLinkHandler(),
            _bridge,
            NullLogger.Instance,
            NullLogger.Instance,
            settings: new LinkSettings(LinkRole.Endpoint, LinkCapabilities.Direct));
        _bridge.Link = _link.Right.Connection;
        _memory = new HostMemory(_rig.HostFunction, new DeadlockBreaker(static () => { }))
        {
            Connection = _link.Left.Connection,
        };
        _memory.SetBusMaster(true);
    }

    [TearDown]
    public void Disconnect()
    {
        _memory.Dispose();
        _link.Dispose();
        _rig.Dispose();
    }

    [Test]
    public void ReadBeforeTheMapHasArrivedAsksTheBridge()
    {
        byte[] data = new byte[300];
        Assert.That(_memory.Read(Address, data), Is.EqualTo(RequestStatus.Success));
        Assert.That(data, Is.EqualTo(_bridgesMemory.AsSpan((int)Address, data.Length).ToArray()));
    }

    /// <summary>What is stored directly after it must not pass it.</summary>
    [Test]
    public void WriteBeforeTheMapHasArrivedIsOverWhenTheBridgeHasIt()
    {
        byte[] data = TestBytes.From(7, 300);
        Assert.That(_memory.Write(Address, data), Is.EqualTo(RequestStatus.Success));
        Assert.That(_bridgesMemory.AsSpan((int)Address, data.Length).ToArray(), Is.EqualTo(data));
    }

    [Test]
    public void MemoryWhoseMapHasArrivedIsReachedDirectly()
    {
        using var file = Memfd.Create(Size);
        Assert.That(
            _memory.Map(
                new MemoryMessage(DmaAccess.Read | DmaAccess.Write, 0, Size, 0), file.Descriptor.Duplicate()),
            Is.True);
        Assert.That(_memory.Write(Address, [1, 2, 3]), Is.EqualTo(RequestStatus.Success));
        byte[] data = new byte[3];
        Assert.That(_memory.Read(Address, data), Is.EqualTo(RequestStatus.Success));
        Assert.That(data, Is.EqualTo(new byte[] { 1, 2, 3 }));
        Assert.That(_bridge.Requests, Is.Empty);
    }
}
