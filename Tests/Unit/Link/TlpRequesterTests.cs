using EpfTest.Kit;
using EpfTest.Kit.Link;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.Tlp;
using FsCheck;
using FsCheck.Fluent;

namespace EpfTest.Unit.Link;

/// <summary>Requests that another end of the link completes from an array.</summary>
internal sealed class TlpRequesterTests
{
    private const int Size = 1 << 20;
    private const int Mrrs = 512;
    private static readonly Bdf s_requester = new(1, 0, 3);
    private static readonly Bdf s_target = new(1, 0, 0);

    private byte[] _memory = null!;
    private List<IDisposable> _links = null!;

    [SetUp]
    public void MakeMemory()
    {
        _memory = new byte[Size];
        new Random(1).NextBytes(_memory);
        _links = [];
    }

    [TearDown]
    public void CloseLinks() => _links.ForEach(link => link.Dispose());

    [Test]
    public void WhatIsReadAndWrittenInPiecesIsPutTogether()
    {
        var links = new Dictionary<(int, int), TlpRequester>();
        Gen<int> limit = Gen.Elements(128, 256, 512, 1024, 2048, 4096);
        var cases =
            from address in Gen.Choose(0, Size - 1)
            from length in Gen.OneOf(Gen.Choose(1, 16), Gen.Choose(1, 5000), Gen.Choose(1, 40000))
            from write in Gen.Elements(true, false)
            from mps in limit
            from mrrs in limit
            from completerMps in limit
            from rcb in Gen.Elements(64, 128)
            select (address, length: Math.Min(length, Size - address), write, mps, mrrs, completerMps, rcb);
        int round = 0;
        Prop.ForAll(Arb.From(cases), test =>
        {
            if (!links.TryGetValue((test.rcb, test.completerMps), out TlpRequester? requester))
            {
                requester = Connect(test.rcb, test.completerMps, out _);
                links.Add((test.rcb, test.completerMps), requester);
            }

            ulong address = (ulong)test.address;
            byte[] data = new byte[test.length];
            if (test.write)
            {
                new Random(++round).NextBytes(data);
                byte[] expected = [.. _memory];
                data.CopyTo(expected.AsSpan(test.address));
                return requester.WriteMemory(default, s_requester, address, data, test.mps) == RequestStatus.Success
                    && requester.ReadMemory(default, s_requester, address, [], test.mrrs) == RequestStatus.Success
                    && _memory.AsSpan().SequenceEqual(expected);
            }

            return requester.ReadMemory(default, s_requester, address, data, test.mrrs) == RequestStatus.Success
                && data.AsSpan().SequenceEqual(_memory.AsSpan(test.address, test.length));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(400));
    }

    [TestCase(128)]
    [TestCase(1024)]
    public void RequestsObeyTheirLimits(int limit)
    {
        TlpRequester requester = Connect(64, 256, out MemoryCompleter completer);
        byte[] data = new byte[40_001];
        Assert.That(requester.WriteMemory(default, s_requester, 0x123, data, limit), Is.EqualTo(RequestStatus.Success));
        Assert.That(requester.ReadMemory(default, s_requester, 0x123, data, limit), Is.EqualTo(RequestStatus.Success));
        Assert.That(completer.Payloads, Is.All.LessThanOrEqualTo(limit));
        Assert.That(completer.Reads, Is.All.LessThanOrEqualTo(limit));
        Assert.That(
            completer.Requests,
            Is.All.Matches<TlpHeader>(header => (header.Address & 0xfff) + (ulong)(header.Length * 4) <= 0x1000));
    }

    [Test]
    public void ThreadsReadAndWriteAtOnce()
    {
        // More than there are tags, altogether.
        const int Threads = 4;
        const int Part = Size / Threads;
        TlpRequester requester = Connect(64, 256, out _);
        Task[] tasks = [.. Enumerable.Range(0, Threads).Select(thread => Task.Factory.StartNew(
            () =>
            {
                var random = new Random(thread);
                byte[] mine = _memory.AsSpan(thread * Part, Part).ToArray();
                byte[] data = new byte[32 << 10];
                for (int round = 0; round < 30; round++)
                {
                    int length = random.Next(1, data.Length);
                    int start = random.Next(Part - length);
                    ulong address = (ulong)((thread * Part) + start);
                    random.NextBytes(mine.AsSpan(start, length));
                    Assert.That(
                        requester.WriteMemory(default, s_requester, address, mine.AsSpan(start, length), 128),
                        Is.EqualTo(RequestStatus.Success));
                    Assert.That(
                        requester.ReadMemory(default, s_requester, address, data.AsSpan(0, length), 128),
                        Is.EqualTo(RequestStatus.Success));
                    Assert.That(data.AsSpan(0, length).SequenceEqual(mine.AsSpan(start, length)), Is.True);
                }
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default))];
        Array.ForEach(tasks, Wait.For);
    }

    [TestCase(CompletionStatus.UnsupportedRequest, RequestStatus.UnsupportedRequest)]
    [TestCase(CompletionStatus.CompleterAbort, RequestStatus.CompleterAbort)]
    [TestCase(CompletionStatus.ConfigurationRequestRetryStatus, RequestStatus.UnsupportedRequest)]
    public void StatusIsAnError(CompletionStatus status, RequestStatus expected)
    {
        TlpRequester requester = Connect(64, 256, out MemoryCompleter completer);
        completer.Status = status;
        byte[] data = new byte[3000];
        Assert.That(requester.ReadMemory(default, s_requester, 0, data, Mrrs), Is.EqualTo(expected));
        Assert.That(requester.ReadIo(default, s_requester, 0, data.AsSpan(0, 4)), Is.EqualTo(expected));
        Assert.That(requester.WriteIo(default, s_requester, 0, data.AsSpan(0, 4)), Is.EqualTo(expected));
        Assert.That(
            requester.ReadConfiguration(default, s_requester, s_target, 0, data.AsSpan(0, 4)), Is.EqualTo(expected));
        Assert.That(
            requester.WriteConfiguration(default, s_requester, s_target, 0, data.AsSpan(0, 4)), Is.EqualTo(expected));
    }

    [TestCase(0x1000u, 4)]
    [TestCase(0x1000u, 1)]
    [TestCase(0x1001u, 1)]
    [TestCase(0x1003u, 1)]
    [TestCase(0x1002u, 2)]
    [TestCase(0x1001u, 3)]
    public void IoRequestsAreOfTheirBytesOnly(uint address, int length)
    {
        TlpRequester requester = Connect(64, 256, out MemoryCompleter completer);
        byte[] expected = [.. _memory];
        byte[] data = new byte[8];
        Assert.That(
            requester.ReadIo(default, s_requester, address, data.AsSpan(0, length)),
            Is.EqualTo(RequestStatus.Success));
        Assert.That(data[..length], Is.EqualTo(_memory.AsSpan((int)address, length).ToArray()));
        Assert.That(data[length..], Is.All.Zero);
        Assert.That(
            requester.WriteIo(default, s_requester, address, data.AsSpan(4, length)),
            Is.EqualTo(RequestStatus.Success));
        expected.AsSpan((int)address, length).Clear();
        Assert.That(_memory.AsSpan().SequenceEqual(expected), Is.True);
        Assert.That(completer.Requests.Select(header => header.Kind), Is.EqualTo(new[] { TlpKind.IORd, TlpKind.IOWr }));
    }

    [Test]
    public void ConfigurationRequestsNameTheirTarget()
    {
        TlpRequester requester = Connect(64, 256, out MemoryCompleter completer);
        byte[] data = new byte[4];
        Assert.That(
            requester.ReadConfiguration(default, s_requester, s_target, 0xffc, data),
            Is.EqualTo(RequestStatus.Success));
        Assert.That(data, Is.EqualTo(_memory.AsSpan(0xffc, 4).ToArray()));
        Assert.That(
            requester.WriteConfiguration(default, s_requester, s_target, 0x12, [1, 2]),
            Is.EqualTo(RequestStatus.Success));
        Assert.That(_memory.AsSpan(0x12, 2).ToArray(), Is.EqualTo(new byte[] { 1, 2 }));
        Assert.That(completer.Requests.Select(header => header.Target), Is.All.EqualTo(s_target));
    }

    [Test]
    public void FlushIsAReadOfNoByte()
    {
        TlpRequester requester = Connect(64, 256, out MemoryCompleter completer);
        Assert.That(requester.ReadMemory(default, s_requester, 0x1235, [], Mrrs), Is.EqualTo(RequestStatus.Success));
        TlpHeader header = completer.Requests.Single();
        Assert.That((header.Kind, header.Length, header.FirstByteEnables), Is.EqualTo((TlpKind.MRd, 1, 0)));
    }

    [Test]
    public void EndBeyondTheLastAddressIsAnError()
    {
        TlpRequester requester = Connect(64, 256, out MemoryCompleter completer);
        byte[] data = new byte[16];
        Assert.That(
            requester.ReadMemory(default, s_requester, ulong.MaxValue - 7, data, Mrrs),
            Is.EqualTo(RequestStatus.UnsupportedRequest));
        Assert.That(
            requester.WriteMemory(default, s_requester, ulong.MaxValue - 7, data, 256),
            Is.EqualTo(RequestStatus.UnsupportedRequest));
        Assert.That(completer.Requests, Is.Empty);
    }

    /// <summary>
    /// Extended Tag Field Enable clear: 32 requests at a time, under tags of 5 bits (section 2.2.6.2).
    /// </summary>
    [Test]
    public void RequesterWithoutExtendedTagsUsesFiveBits()
    {
        (MemoryTransport ours, MemoryTransport theirs) = MemoryTransport.CreatePair();
        using var peer = new RawLinkPeer(theirs);
        peer.Send(RawFrame.HelloOf(RawFrame.Bridge));
        TlpRequester requester = Open(ours);
        byte[] data = new byte[80 * 128];
        var read = Task.Run(() => requester.ReadMemory(default, s_requester, 0x1000, data, 128, extendedTags: false));
        var outstanding = new HashSet<uint>();
        for (int i = 0; i < 80; i++)
        {
            RawFrame request = peer.Receive(RawFrame.Tlp);
            uint requesterAndTag = request.Dw(1) & 0xffff_ff00;
            Assert.That(requesterAndTag >> 8 & 0xff, Is.LessThan(32));
            Assert.That(outstanding.Add(requesterAndTag), Is.True, "each tag is used once at a time");
            if (outstanding.Count == 32 || i == 79)
            {
                foreach (uint done in outstanding)
                {
                    peer.Send(RawFrame.TlpOf(0, [0x4a00_0020, 128, done], new byte[128]));
                }

                outstanding.Clear();
            }
        }

        Assert.That(Wait.For(read), Is.EqualTo(RequestStatus.Success));
    }

    [Test]
    public void EndOfTheLinkWakesEveryReader()
    {
        (MemoryTransport ours, MemoryTransport theirs) = MemoryTransport.CreatePair();
        using var peer = new RawLinkPeer(theirs);
        peer.Send(RawFrame.HelloOf(RawFrame.Bridge));
        TlpRequester requester = Open(ours);
        Task<RequestStatus>[] reads = [.. Enumerable.Range(0, 6).Select(i => Task.Factory.StartNew(
            () => requester.ReadMemory(default, s_requester, 0x1000, new byte[i * 900], Mrrs),
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default))];
        for (int i = 0; i < 6; i++)
        {
            peer.Receive(RawFrame.Tlp);
        }

        peer.Dispose();
        Assert.That(reads.Select(Wait.For), Is.All.EqualTo(RequestStatus.LinkDown));
        Assert.That(
            requester.ReadMemory(default, s_requester, 0x1000, new byte[4], Mrrs),
            Is.EqualTo(RequestStatus.LinkDown));
        Assert.That(
            requester.WriteMemory(default, s_requester, 0x1000, new byte[4], 256),
            Is.EqualTo(RequestStatus.LinkDown));
    }

    private TlpRequester Connect(int readCompletionBoundary, int maxPayload, out MemoryCompleter completer)
    {
        completer = new MemoryCompleter(_memory, readCompletionBoundary, maxPayload);
        var logger = new RecordingLogger();
        var pair = LinkPair.Open(new TestLinkHandler(), completer, logger, logger);
        _links.Add(pair);
        completer.Link = pair.Right.Connection;
        return pair.Left.Connection.Requester;
    }

    private TlpRequester Open(MemoryTransport transport)
    {
        var settings = new LinkSettings(LinkRole.Endpoint, LinkCapabilities.None);
        var connection = LinkConnection.Open(transport, settings, new TestLinkHandler(), new RecordingLogger());
        var link = new OpenLink(connection!);
        _links.Add(link);
        return link.Connection.Requester;
    }
}
