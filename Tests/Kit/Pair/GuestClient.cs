using System.Buffers.Binary;
using System.Collections.Concurrent;
using EpfTest.Kit.VfioUser;
using EpfTest.Protocol.Linux;

namespace EpfTest.Kit.Pair;

/// <summary>
/// A client with private memory, too, which its server reaches by messages only. A thread of its own answers those, as
/// QEMU's main loop does: never while a call is under way, for which QEMU holds its big lock. Any thread may call; one
/// at a time is served.
/// </summary>
internal abstract class GuestClient : VfioUserClient
{
    /// <summary>Bytes of shared memory.</summary>
    public const int SharedSize = 16 << 20;

    /// <summary>Where private memory starts.</summary>
    public const ulong PrivateStart = 0x1_0000_0000;

    /// <summary>Bytes of it.</summary>
    public const int PrivateSize = 1 << 20;

    private static readonly RawMessage s_hungUp = new(0, 0, 0, Errno.ENOTCONN, [], []);

    private readonly RawSocket _socket;
    private readonly Thread _thread;
    private readonly Thread _mainLoop;
    private readonly object _bigLock = new();
    private readonly BlockingCollection<RawMessage> _dma = [];
    private readonly Lock _sending = new();
    private readonly ConcurrentDictionary<ushort, TaskCompletionSource<RawMessage>> _calls = new();
    private readonly byte[] _private = new byte[PrivateSize];
    private int _unanswered;
    private int _lastId;
    private volatile bool _hungUp;
    private volatile bool _isStuck;

    protected GuestClient(string path)
        : base(SharedSize)
    {
        _socket = new RawSocket(Served.Connect(path), hasLimit: false);
        _thread = new Thread(Run) { IsBackground = true, Name = "guest" };
        _thread.Start();
        _mainLoop = new Thread(AnswerDma) { IsBackground = true, Name = "guest main loop" };
        _mainLoop.Start();
        Call(RawCommand.Version, RawPayload.Version(0, 0, RawPayload.Capabilities));
    }

    /// <summary>Whether its QEMU's main loop does nothing, so that DMA_READ and DMA_WRITE are not answered.</summary>
    public bool IsStuck
    {
        get => _isStuck;
        set
        {
            lock (_bigLock)
            {
                _isStuck = value;
                Monitor.PulseAll(_bigLock);
            }
        }
    }

    /// <summary>What DMA_READ and DMA_WRITE are answered with.</summary>
    public Errno DmaError { get; set; }

    /// <summary>Whether the server has hung up.</summary>
    public bool HungUp => _hungUp;

    public void MapPrivateMemory() => Call(RawCommand.DmaMap, RawPayload.DmaMap(PrivateStart, PrivateSize));

    /// <summary>The guest's own look at its memory.</summary>
    public byte[] Load(ulong address, int length)
    {
        if (address < PrivateStart)
        {
            return Memory.Read((long)address, length);
        }

        lock (_private)
        {
            return _private.AsSpan((int)(address - PrivateStart), length).ToArray();
        }
    }

    public void Store(ulong address, ReadOnlySpan<byte> data)
    {
        if (address < PrivateStart)
        {
            Memory.Write((long)address, data);
            return;
        }

        lock (_private)
        {
            data.CopyTo(_private.AsSpan((int)(address - PrivateStart)));
        }
    }

    public uint Load32(ulong address) => BinaryPrimitives.ReadUInt32LittleEndian(Load(address, sizeof(uint)));

    /// <summary>A read that the server may not answer, because it goes.</summary>
    public void TryRead(uint region, ulong offset, int length) =>
        CallFor(RawCommand.RegionRead, RawPayload.RegionAccess(region, offset, (uint)length));

    /// <summary>A write without a reply.</summary>
    public void Post(uint region, ulong offset, ReadOnlySpan<byte> data) => Send(
        RawMessage.Build(
            0,
            RawCommand.RegionWrite,
            RawPayload.RegionAccess(region, offset, (uint)data.Length, data),
            RawMessage.NoReplyFlag));

    /// <summary>A region's information, and the file that came with it, if one did.</summary>
    public (byte[] Info, FileDescriptor? File) RegionInfo(uint region)
    {
        RawMessage reply = CallFor(RawCommand.GetRegionInfo, RawPayload.RegionInfo(region, 4096));
        return (reply.Payload, reply.Descriptors is [var file, ..] ? file : null);
    }

    public override void Dispose()
    {
        _socket.Shutdown();
        _thread.Join();
        _mainLoop.Join();
        _dma.Dispose();
        _socket.Dispose();
        base.Dispose();
    }

    protected override ReadOnlySpan<byte> Call(
        ushort command, ReadOnlySpan<byte> payload, params ReadOnlySpan<FileDescriptor> descriptors)
    {
        RawMessage reply = CallFor(command, payload, descriptors);
        Assert.That(reply.Error, Is.EqualTo(Errno.None), $"command {command}");
        return reply.Payload;
    }

    private RawMessage CallFor(
        ushort command, ReadOnlySpan<byte> payload, params ReadOnlySpan<FileDescriptor> descriptors)
    {
        ushort id = (ushort)Interlocked.Increment(ref _lastId);
        var call = new TaskCompletionSource<RawMessage>(TaskCreationOptions.RunContinuationsAsynchronously);
        _calls[id] = call;
        lock (_bigLock)
        {
            // The main loop has its turn between two calls, however fast they follow each other.
            while (Volatile.Read(ref _unanswered) > 0 && !_hungUp && !_isStuck)
            {
                Monitor.Wait(_bigLock, 1);
            }

            Send(RawMessage.Build(id, command, payload), descriptors);
            if (_hungUp)
            {
                call.TrySetResult(s_hungUp);
            }

            return Wait.For(call.Task);
        }
    }

    private void Send(ReadOnlySpan<byte> message, params ReadOnlySpan<FileDescriptor> descriptors)
    {
        lock (_sending)
        {
            _ = _socket.Send(message, descriptors);
        }
    }

    private void Run()
    {
        while (RawMessage.TryReceive(_socket) is { } message)
        {
            if ((message.Flags & RawMessage.ReplyFlag) == 0)
            {
                Interlocked.Increment(ref _unanswered);
                _dma.Add(message);
            }
            else if (_calls.TryRemove(message.Id, out TaskCompletionSource<RawMessage>? call))
            {
                call.SetResult(message);
            }
        }

        _hungUp = true;
        _dma.CompleteAdding();
        foreach (TaskCompletionSource<RawMessage> call in _calls.Values)
        {
            call.TrySetResult(s_hungUp);
        }
    }

    private void AnswerDma()
    {
        foreach (RawMessage command in _dma.GetConsumingEnumerable())
        {
            lock (_bigLock)
            {
                while (_isStuck && !_hungUp)
                {
                    Monitor.Wait(_bigLock, 10);
                }

                AnswerDma(command);
                Interlocked.Decrement(ref _unanswered);
                Monitor.PulseAll(_bigLock);
            }
        }
    }

    private void AnswerDma(RawMessage command)
    {
        ulong address = command.U64(0);
        ulong length = command.U32(8);
        if (DmaError != Errno.None)
        {
            Send(command.Answer([], DmaError));
        }
        else if (command.Command == RawCommand.DmaWrite)
        {
            Store(address, command.Payload.AsSpan(16));
            Send(command.Answer(RawPayload.DmaAccess(address, length)));
        }
        else
        {
            Send(command.Answer(RawPayload.DmaAccess(address, length, Load(address, (int)length))));
        }
    }
}
