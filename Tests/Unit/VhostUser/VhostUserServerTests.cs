using System.Buffers.Binary;
using EpfTest.Kit;
using EpfTest.Kit.VhostUser;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.VhostUser;

namespace EpfTest.Unit.VhostUser;

/// <summary>The vhost-user server: its replies, when it may send requests, and hostile front-ends.</summary>
[TestFixture]
[NonParallelizable]
internal sealed class VhostUserServerTests
{
    private TemporaryFolder _folder = null!;
    private RecordingLogger _logger = null!;
    private TestWindow _window = null!;
    private VhostUserServer _server = null!;

    private string Path => _folder.File("window.sock");

    [SetUp]
    public void StartServer()
    {
        _folder = new TemporaryFolder();
        _logger = new RecordingLogger();
        _window = new TestWindow();
        _server = new VhostUserServer(_window, Path, PeerPolicy.SameUser, _logger);
    }

    [TearDown]
    public void StopServer()
    {
        _server.Dispose();
        _folder.Dispose();
        _logger.Dispose();
    }

    [Test]
    public void FrontEndLearnsTheRegionAndTheConfiguration()
    {
        using var frontEnd = new WindowFrontEnd(Path);
        frontEnd.Negotiate();
        byte[] regions = frontEnd.Call(44, []);
        Assert.That(regions, Has.Length.EqualTo(8 + (256 * 8)));
        Assert.That(BinaryPrimitives.ReadUInt32LittleEndian(regions), Is.EqualTo(1u));
        Assert.That(BinaryPrimitives.ReadUInt64LittleEndian(regions.AsSpan(8)), Is.EqualTo(_window.Size));
        Assert.That(regions[16..], Is.All.Zero);
        Assert.That(
            frontEnd.Call(24, [0, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, .. new byte[12]])[12..],
            Is.EqualTo(new byte[] { 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0 }));
        Assert.That(
            frontEnd.Call(24, [6, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0])[12..], Is.EqualTo(new byte[] { 7, 8 }));
        Assert.That(frontEnd.Get(17), Is.EqualTo(1), "queues");
        Assert.That(frontEnd.Get(36), Is.GreaterThan(8), "memory slots");
    }

    [Test]
    public void RequestsAreSentBetweenDriverOkAndReset()
    {
        using var frontEnd = new WindowFrontEnd(Path);
        frontEnd.Negotiate();
        Assert.That(_window.Backend, Is.Null);
        frontEnd.DriverReady();
        IWindowBackend backend = _window.Backend!;
        using Memfd memory = Memfd.Create(1 << 20);
        bool[] mapped = new bool[1];
        var mapping = new WindowMapping(0x1000, 0x2000, memory.Descriptor, 0x3000);
        Assert.That(backend.Change([], [mapping], mapped), Is.True);
        Assert.That(mapped, Is.All.True);
        Assert.That(frontEnd.TakeLog(), Is.EqualTo("map 1000+2000 to 3000"));
        Assert.That(backend.Change([mapping], [mapping with { FileOffset = 0 }], mapped), Is.True);
        Assert.That(frontEnd.TakeLog(), Is.EqualTo("unmap 1000+2000, map 1000+2000 to 0"));

        frontEnd.ResetDevice();
        Assert.That(_window.Backend, Is.Null);
        int before = frontEnd.Requests;
        Assert.That(backend.Change([mapping], [], []), Is.False, "too late");
        Assert.That(frontEnd.Requests, Is.EqualTo(before));

        frontEnd.DriverReady();
        Assert.That(_window.Backend!.Change([], [mapping], mapped), Is.True, "again");
        Assert.That(frontEnd.TakeLog(), Is.EqualTo("map 1000+2000 to 3000"));
        Assert.That(frontEnd.Fault, Is.Null);
    }

    [Test]
    public void AChangeIsOverOnlyWhenABarrierHasBeenAnswered()
    {
        using WindowFrontEnd frontEnd = WindowFrontEnd.Start(Path);
        using Memfd memory = Memfd.Create(1 << 20);
        WindowMapping[] many = [.. Enumerable.Range(0, 100).Select(
            page => new WindowMapping((ulong)page * 8192, 4096, memory.Descriptor, (ulong)page * 4096))];
        bool[] mapped = new bool[many.Length];
        Assert.That(_window.Backend!.Change([], many, mapped), Is.True);
        Assert.That(mapped, Is.All.True);
        Assert.That(frontEnd.Requests, Is.EqualTo(many.Length + 1));
    }

    [Test]
    public void AChangeEndsWithItsFrontEnd()
    {
        WindowFrontEnd frontEnd = WindowFrontEnd.Start(Path);
        using Memfd memory = Memfd.Create(1 << 20);
        frontEnd.Answering.Reset();
        IWindowBackend backend = _window.Backend!;
        Task<bool> change = Task.Run(
            () => backend.Change([], [new WindowMapping(0, 4096, memory.Descriptor, 0)], new bool[1]));
        Wait.Until(() => frontEnd.Requests > 0, "it is asked");
        frontEnd.Dispose();
        Assert.That(Wait.For(change), Is.False);
        using WindowFrontEnd next = WindowFrontEnd.Start(Path);
        Assert.That(_window.Backend, Is.Not.Null.And.Not.SameAs(backend));
    }

    [Test]
    public void AQemuWithoutMappingsLeavesTheWindowUnused()
    {
        using var frontEnd = new WindowFrontEnd(Path);
        frontEnd.Negotiate(WindowFrontEnd.Offered & ~VhostUserFeatures.ProtocolShmem);
        frontEnd.DriverReady();
        Assert.That(_window.Backend, Is.Null);
        Assert.That(_logger.Has("cannot map memory"), Is.True);
    }

    // Request, flags, size, then payload: too long, wrong version, a reply, unknown, and payloads that do not fit.
    [TestCase(new uint[] { 1, 1, uint.MaxValue })]
    [TestCase(new uint[] { 1, 1, 4096 })]
    [TestCase(new uint[] { 1, 2, 0 })]
    [TestCase(new uint[] { 1, 5, 0 })]
    [TestCase(new uint[] { 0, 1, 0 })]
    [TestCase(new uint[] { 999, 1, 0 })]
    [TestCase(new uint[] { 16, 1, 4, 0 })]
    [TestCase(new uint[] { 18, 1, 4, 0 })]
    [TestCase(new uint[] { 11, 1, 4, 0 })]
    [TestCase(new uint[] { 21, 1, 0 })]
    [TestCase(new uint[] { 24, 1, 8, 0, 0 })]
    [TestCase(new uint[] { 24, 1, 12, 0, 257, 0 })]
    [TestCase(new uint[] { 24, 1, 12, uint.MaxValue, 2, 0 })]
    public void SenselessRequestsEndTheConnectionAndTheNextIsServed(uint[] words)
    {
        using var hostile = new WindowFrontEnd(Path);
        hostile.Negotiate();
        byte[] bytes = [.. words.SelectMany(BitConverter.GetBytes)];
        Assert.That(hostile.SendRaw(bytes), Is.EqualTo(Errno.None));
        hostile.ExpectHangUp();
        using WindowFrontEnd next = WindowFrontEnd.Start(Path);
        Assert.That(_window.Backend, Is.Not.Null);
    }

    [Test]
    public void AChannelThatIsNoSocketEndsTheConnection()
    {
        using var hostile = new WindowFrontEnd(Path);
        using Memfd memory = Memfd.Create(4096);
        hostile.Send(21, [], 0, memory.Descriptor);
        hostile.ExpectHangUp();
        using WindowFrontEnd next = WindowFrontEnd.Start(Path);
        Assert.That(_window.Backend, Is.Not.Null);
    }

    [Test]
    public void RandomMessagesDoNoHarmAndNoDescriptorStays()
    {
        int before = OpenDescriptors.Count();
        Random random = TestContext.CurrentContext.Random;
        using Memfd memory = Memfd.Create(4096);
        for (int round = 0; round < 100; round++)
        {
            using var hostile = new WindowFrontEnd(Path);
            for (int i = 0; i < random.Next(1, 6); i++)
            {
                byte[] message = new byte[12 + random.Next(0, 64)];
                random.NextBytes(message);
                BinaryPrimitives.WriteInt32LittleEndian(message, random.Next(0, 50));
                BinaryPrimitives.WriteInt32LittleEndian(message.AsSpan(4), random.Next(0, 16));
                BinaryPrimitives.WriteInt32LittleEndian(message.AsSpan(8), message.Length - 12 + random.Next(-1, 2));

                // The server may have hung up by now.
                _ = hostile.SendRaw(message);
            }
        }

        using (WindowFrontEnd next = WindowFrontEnd.Start(Path))
        {
            next.Order(37, new byte[40], memory.Descriptor);
            next.Order(5, new byte[40], memory.Descriptor, memory.Descriptor);
            Assert.That(_window.Backend, Is.Not.Null);
        }

        memory.Dispose();
        OpenDescriptors.WaitUntilBackTo(before);
    }

    private sealed class TestWindow : IWindowDevice
    {
        private readonly byte[] _config = [1, 2, 3, 4, 5, 6, 7, 8];

        public ulong Size => 16 << 20;

        public ReadOnlySpan<byte> Config => _config;

        public volatile IWindowBackend? Backend;

        public void Started(IWindowBackend backend) => Backend = backend;

        public void Stopped() => Backend = null;
    }
}
