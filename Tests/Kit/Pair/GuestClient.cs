using System.Buffers.Binary;
using System.Collections.Concurrent;
using EpfTest.Kit.VfioUser;
using EpfTest.Protocol.Linux;

namespace EpfTest.Kit.Pair;

/// <summary>
/// A guest and its QEMU in one: a vfio-user client with memory at bus address 0, shared from there up to a limit and
/// behind it reached by messages only. A thread of its own answers those, as QEMU's main loop does: never while a call is
/// under way, for which QEMU holds its big lock. Any thread may call; one at a time is served.
/// </summary>
internal abstract class GuestClient : IDisposable
{
    /// <summary>Bytes of memory that is passed as a descriptor.</summary>
    public const int SharedSize = 16 << 20;

    /// <summary>Where memory starts that comes without a descriptor.</summary>
    public const ulong PrivateStart = 0x1_0000_0000;

    /// <summary>Bytes of it.</summary>
    public const int PrivateSize = 1 << 20;

    protected const int ConfigRegion = 7;

    private readonly UnixSocket _socket;
    private readonly Thread _thread;
    private readonly Thread _mainLoop;
    private readonly object _bigLock = new();
    private readonly BlockingCollection<(ushort Id, ushort Command, byte[] Payload)> _dma = [];
    private readonly Lock _sending = new();
    private readonly ConcurrentDictionary<ushort, TaskCompletionSource<(Errno Error, byte[] Payload)>> _calls = new();
    private readonly byte[] _private = new byte[PrivateSize];
    private int _unanswered;
    private readonly ConcurrentQueue<FileDescriptor> _passed = new();
    private int _lastId;
    private volatile bool _hungUp;
    private volatile bool _isStuck;

    protected GuestClient(string path)
    {
        Memory = Memfd.Create(SharedSize);
        _socket = Connect(path);
        _thread = new Thread(Run) { IsBackground = true, Name = "guest" };
        _thread.Start();
        _mainLoop = new Thread(AnswerDma) { IsBackground = true, Name = "guest main loop" };
        _mainLoop.Start();
        Call(RawCommand.Version, RawPayload.Version(0, 0, """{"capabilities":{"max_msg_fds":16}}"""));
    }

    /// <summary>The shared memory, at bus address 0 once it is mapped.</summary>
    public Memfd Memory { get; }

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

    /// <summary>Whether the server has gone.</summary>
    public bool HungUp => _hungUp;

    public void MapMemory() => Map(0, SharedSize, 0);

    /// <summary>Maps a part of the memory file.</summary>
    public void Map(ulong address, ulong size, ulong fileOffset) =>
        Call(RawCommand.DmaMap, RawPayload.DmaMap(address, size, fileOffset), Memory.Descriptor);

    /// <summary>Maps another file, from its start.</summary>
    public void MapFile(FileDescriptor file, ulong address, ulong size) =>
        Call(RawCommand.DmaMap, RawPayload.DmaMap(address, size), file);

    public void MapPrivateMemory() => Call(RawCommand.DmaMap, RawPayload.DmaMap(PrivateStart, PrivateSize));

    public void Unmap(ulong address, ulong size) => Call(RawCommand.DmaUnmap, RawPayload.DmaUnmap(address, size));

    public void ResetDevice() => Call(RawCommand.Reset, []);

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

    public byte[] Read(uint region, ulong offset, int length) =>
        Call(RawCommand.RegionRead, RawPayload.RegionAccess(region, offset, (uint)length))[16..];

    /// <summary>A read that the server may not answer, because it goes.</summary>
    public void TryRead(uint region, ulong offset, int length) =>
        CallFor(RawCommand.RegionRead, RawPayload.RegionAccess(region, offset, (uint)length), out _);

    public void Write(uint region, ulong offset, ReadOnlySpan<byte> data) =>
        Call(RawCommand.RegionWrite, RawPayload.RegionAccess(region, offset, (uint)data.Length, data));

    /// <summary>A write without a reply.</summary>
    public void Post(uint region, ulong offset, ReadOnlySpan<byte> data) => Send(
        RawMessage.Build(
            0,
            RawCommand.RegionWrite,
            RawPayload.RegionAccess(region, offset, (uint)data.Length, data),
            RawMessage.NoReplyFlag));

    /// <summary>What the server says of a region, and the file that came with it, if one did.</summary>
    public (byte[] Info, FileDescriptor? File) RegionInfo(uint region)
    {
        byte[] info = Call(RawCommand.GetRegionInfo, RawPayload.RegionInfo(region, 4096));
        _passed.TryDequeue(out FileDescriptor? file);
        return (info, file);
    }

    public uint Read32(uint region, ulong offset) =>
        BinaryPrimitives.ReadUInt32LittleEndian(Read(region, offset, sizeof(uint)));

    public void Write32(uint region, ulong offset, uint value) => Write(region, offset, BitConverter.GetBytes(value));

    public uint ReadConfig(ulong offset) => Read32(ConfigRegion, offset);

    public void WriteConfig(ulong offset, uint value) => Write32(ConfigRegion, offset, value);

    public void WriteConfig16(ulong offset, ushort value) => Write(ConfigRegion, offset, BitConverter.GetBytes(value));

    /// <summary>Sets vectors' eventfds, as many a message as QEMU does.</summary>
    public void SetEventFds(uint index, uint flags, params IReadOnlyList<EventFd> signals)
    {
        for (int start = 0; start < signals.Count; start += 16)
        {
            EventFd[] some = [.. signals.Skip(start).Take(16)];
            Call(RawCommand.SetIrqs, RawPayload.IrqSet(index, RawIrq.EventFd | flags, (uint)start, (uint)some.Length), some);
        }
    }

    /// <summary>Sets the eventfd of one vector.</summary>
    public void SetEventFd(uint index, uint vector, EventFd signal) =>
        Call(RawCommand.SetIrqs, RawPayload.IrqSet(index, RawIrq.EventFd | RawIrq.Trigger, vector, 1), signal);

    /// <summary>Masks or unmasks one vector.</summary>
    public void SetMask(uint index, uint vector, bool masked) => Call(
        RawCommand.SetIrqs,
        RawPayload.IrqSet(index, RawIrq.None | (masked ? RawIrq.Mask : RawIrq.Unmask), vector, 1));

    /// <summary>Takes all eventfds of a type away.</summary>
    public void Disable(uint index) =>
        Call(RawCommand.SetIrqs, RawPayload.IrqSet(index, RawIrq.None | RawIrq.Trigger, 0, 0));

    public void Unmask(uint index) =>
        Call(RawCommand.SetIrqs, RawPayload.IrqSet(index, RawIrq.None | RawIrq.Unmask, 0, 1));

    public virtual void Dispose()
    {
        _socket.Shutdown();
        _thread.Join();
        _mainLoop.Join();
        _dma.Dispose();
        _socket.Dispose();
        foreach (FileDescriptor passed in _passed)
        {
            passed.Dispose();
        }

        Memory.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>A file may be there a moment before anybody listens.</summary>
    private static UnixSocket Connect(string path)
    {
        UnixSocket? socket = null;
        Wait.Until(
            () =>
            {
                try
                {
                    socket = UnixSocket.Connect(path);
                }
                catch (LinuxException)
                {
                    Thread.Sleep(1);
                }

                return socket is not null;
            },
            $"{path} is served");
        return socket!;
    }

    private byte[] Call(ushort command, ReadOnlySpan<byte> payload, params ReadOnlySpan<FileDescriptor> descriptors)
    {
        Errno error = CallFor(command, payload, out byte[] reply, descriptors);
        Assert.That(error, Is.EqualTo(Errno.None), $"command {command}");
        return reply;
    }

    private Errno CallFor(
        ushort command, ReadOnlySpan<byte> payload, out byte[] reply, params ReadOnlySpan<FileDescriptor> descriptors)
    {
        ushort id = (ushort)Interlocked.Increment(ref _lastId);
        var call = new TaskCompletionSource<(Errno Error, byte[] Payload)>(
            TaskCreationOptions.RunContinuationsAsynchronously);
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
                call.TrySetResult((Errno.ENOTCONN, []));
            }

            (Errno error, reply) = Wait.For(call.Task);
            return error;
        }
    }

    private void Send(ReadOnlySpan<byte> message, params ReadOnlySpan<FileDescriptor> descriptors)
    {
        Span<int> numbers = stackalloc int[descriptors.Length];
        for (int i = 0; i < numbers.Length; i++)
        {
            numbers[i] = descriptors[i].Number;
        }

        lock (_sending)
        {
            _ = _socket.Send(message, numbers);
        }
    }

    private void Run()
    {
        byte[] header = new byte[RawMessage.HeaderSize];
        while (Receive(header))
        {
            byte[] payload = new byte[BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(4)) - header.Length];
            if (!Receive(payload))
            {
                break;
            }

            ushort id = BinaryPrimitives.ReadUInt16LittleEndian(header);
            ushort command = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(2));
            if ((header[8] & RawMessage.ReplyFlag) == 0)
            {
                Interlocked.Increment(ref _unanswered);
                _dma.Add((id, command, payload));
            }
            else if (_calls.TryRemove(id, out TaskCompletionSource<(Errno Error, byte[] Payload)>? call))
            {
                call.SetResult(((Errno)BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(12)), payload));
            }
        }

        _hungUp = true;
        _dma.CompleteAdding();
        foreach (TaskCompletionSource<(Errno Error, byte[] Payload)> call in _calls.Values)
        {
            call.TrySetResult((Errno.ENOTCONN, []));
        }
    }

    private void AnswerDma()
    {
        foreach ((ushort id, ushort command, byte[] payload) in _dma.GetConsumingEnumerable())
        {
            lock (_bigLock)
            {
                while (_isStuck && !_hungUp)
                {
                    Monitor.Wait(_bigLock, 10);
                }

                AnswerDma(id, command, payload);
                Interlocked.Decrement(ref _unanswered);
                Monitor.PulseAll(_bigLock);
            }
        }
    }

    private void AnswerDma(ushort id, ushort command, byte[] payload)
    {
        ulong address = BinaryPrimitives.ReadUInt64LittleEndian(payload);
        int length = BinaryPrimitives.ReadInt32LittleEndian(payload.AsSpan(8));
        if (DmaError != Errno.None)
        {
            Send(RawMessage.Build(id, command, [], RawMessage.ReplyFlag | RawMessage.ErrorFlag, (uint)DmaError));
        }
        else if (command == RawCommand.DmaWrite)
        {
            Store(address, payload.AsSpan(16));
            Send(RawMessage.Build(id, command, RawPayload.DmaAccess(address, (ulong)length), RawMessage.ReplyFlag));
        }
        else
        {
            byte[] data = Load(address, length);
            Send(RawMessage.Build(id, command, RawPayload.DmaAccess(address, (ulong)length, data), RawMessage.ReplyFlag));
        }
    }

    private bool Receive(Span<byte> bytes)
    {
        Span<int> numbers = stackalloc int[UnixSocket.MaxDescriptors];
        while (!bytes.IsEmpty)
        {
            Errno error = _socket.Receive(bytes, numbers, out int count, out int received);
            foreach (int number in numbers[..count])
            {
                _passed.Enqueue(new FileDescriptor(number));
            }

            if (error != Errno.None || received == 0)
            {
                return false;
            }

            bytes = bytes[received..];
        }

        return true;
    }
}
