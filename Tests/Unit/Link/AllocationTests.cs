using EpfTest.Kit;
using EpfTest.Kit.Link;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Link.Transport;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.Unit.Link;

/// <summary>
/// A request's way over the link and back leaves nothing to the garbage collector, in any thread of it.
/// </summary>
[TestFixture]
internal sealed class AllocationTests
{
    private const int MaxReadRequest = 512;
    private const int Batches = 4;
    private static readonly Bdf s_requester = new(1, 0, 0);

    [Test]
    public void ReadsAndWritesAllocateNothing()
    {
        SocketPair sockets = SocketPair.Create();
        var completer = new Completer();
        var asker = new Completer();
        var logger = new RecordingLogger();
        using LinkPair pair = LinkPair.Open(
            asker, completer, logger, logger, (new UnixTransport(sockets.Left), new UnixTransport(sockets.Right)));
        LinkConnection connection = pair.Left.Connection;
        asker.Link = connection;
        completer.Link = pair.Right.Connection;
        byte[] data = new byte[3000];

        // What is made once for each thread is not counted, nor what sleeping takes the first time.
        completer.IsSlow = true;
        Exchange(connection.Requester, data, 1);
        completer.IsSlow = false;
        Exchange(connection.Requester, data, 200);
        completer.Link.Requester.ReadMemory(default, s_requester, 0, [], MaxReadRequest);
        (long Asking, long Completing, long Receiving) least = (long.MaxValue, long.MaxValue, long.MaxValue);

        // A lock makes an event the first time that a thread has to sleep for it, whenever that is: once is no habit.
        for (int batch = 0; batch < Batches; batch++)
        {
            completer.Mark();
            asker.Mark();
            completer.Link.Requester.ReadMemory(default, s_requester, 0, [], MaxReadRequest);
            long before = GC.GetAllocatedBytesForCurrentThread();
            RequestStatus error = Exchange(connection.Requester, data, 1000);
            least.Asking = Math.Min(least.Asking, GC.GetAllocatedBytesForCurrentThread() - before);
            Assert.That(error, Is.EqualTo(RequestStatus.Success));

            // Each side's receiving thread tells what it has allocated when a message comes.
            TlpHeader message = TlpHeader.Message(MessageCode.PM_PME, s_requester);
            connection.Requester.SendMessage(default, message);
            completer.Link.Requester.SendMessage(default, message);
            Wait.Until(() => completer.Allocated >= 0 && asker.Allocated >= 0, "both tell");
            least.Completing = Math.Min(least.Completing, completer.Allocated);
            least.Receiving = Math.Min(least.Receiving, asker.Allocated);
        }

        Assert.That(least.Asking, Is.Zero, "the thread that asks");
        Assert.That(least.Completing, Is.Zero, "the thread that completes");
        Assert.That(least.Receiving, Is.Zero, "the thread that receives completions");
    }

    private static RequestStatus Exchange(TlpRequester requester, byte[] data, int rounds)
    {
        RequestStatus error = RequestStatus.Success;
        for (int i = 0; i < rounds; i++)
        {
            error |= requester.WriteMemory(default, s_requester, 0x1001, data, 256);
            error |= requester.ReadMemory(default, s_requester, 0x1000, data.AsSpan(0, 4), MaxReadRequest);
            error |= requester.ReadMemory(default, s_requester, 0x1000, data, MaxReadRequest);
            error |= requester.ReadConfiguration(default, s_requester, s_requester, 0, data.AsSpan(0, 4));
        }

        return error;
    }

    /// <summary>Completes reads, and keeps count of what its thread allocates between two points.</summary>
    private sealed class Completer : ILinkHandler
    {
        private readonly byte[] _page = new byte[4096];
        private volatile bool _marked;
        private long _before;
        private long _allocated = -1;

        public LinkConnection? Link { get; set; }

        /// <summary>Whether it takes longer than anybody spins.</summary>
        public bool IsSlow { get; set; }

        public long Allocated => Volatile.Read(ref _allocated);

        /// <summary>Counts anew, from the next TLP that comes.</summary>
        public void Mark()
        {
            Volatile.Write(ref _allocated, -1);
            _marked = true;
        }

        public void HandleTlp(FunctionId function, in TlpHeader header, ReadOnlySpan<byte> payload)
        {
            if (_marked)
            {
                _marked = false;
                _before = GC.GetAllocatedBytesForCurrentThread();
            }

            if (header.IsMessage)
            {
                Volatile.Write(ref _allocated, GC.GetAllocatedBytesForCurrentThread() - _before);
            }
            else if (header.ExpectsData)
            {
                if (IsSlow)
                {
                    Thread.Sleep(10);
                }

                Link!.Completions.SendData(function, header, default, _page.AsSpan(0, header.ReadLength), 64, 256);
            }
        }

        public bool HandleControl(
            FrameKind kind, FunctionId function, ReadOnlySpan<byte> payload, FileDescriptor? descriptor) => true;
    }
}
