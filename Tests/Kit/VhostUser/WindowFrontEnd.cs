using System.Buffers.Binary;
using EpfTest.Kit.Link;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.VhostUser;
using Tmds.Linux;

namespace EpfTest.Kit.VhostUser;

/// <summary>
/// QEMU's part of a window: a vhost-user front-end. It maps what the backend requests; the test then reads and writes
/// as the EP guest's processors would. A request that would end QEMU is recorded as a fault.
/// </summary>
internal sealed class WindowFrontEnd : IDisposable
{
    public const ulong Offered = VhostUserFeatures.ProtocolOffered;

    private const int HeaderLength = 12;
    private const uint NeedReply = 8;

    private readonly RawSocket _socket;
    private readonly Lock _lock = new();
    private readonly Dictionary<ulong, (ulong Size, FileDescriptor File, ulong FileOffset)> _mappings = [];
    private readonly List<string> _log = [];
    private RawSocket? _channel;
    private Thread? _thread;
    private bool _ready;
    private string? _fault;

    public WindowFrontEnd(string path)
    {
        Wait.Until(() => File.Exists(path), $"{path} is there");
        _socket = new RawSocket(UnixSocket.Connect(path));
    }

    /// <summary>Reset: QEMU's main loop is busy and does not answer.</summary>
    public ManualResetEventSlim Answering { get; } = new(initialState: true);

    /// <summary>Set: mappings are refused.</summary>
    public bool Refuses { get; set; }

    /// <summary>How many requests have come.</summary>
    public int Requests { get; private set; }

    /// <summary>What would have ended QEMU, or null.</summary>
    public string? Fault
    {
        get
        {
            lock (_lock)
            {
                return _fault;
            }
        }
    }

    public int MappingCount
    {
        get
        {
            lock (_lock)
            {
                return _mappings.Count;
            }
        }
    }

    /// <summary>A front-end whose guest's driver is ready.</summary>
    public static WindowFrontEnd Start(string path)
    {
        var frontEnd = new WindowFrontEnd(path);
        frontEnd.Negotiate();
        frontEnd.DriverReady();
        return frontEnd;
    }

    /// <summary>As QEMU does at realize.</summary>
    public void Negotiate(ulong features = Offered)
    {
        Assert.That(Get(1) & (1UL << 30 | 1UL << 32), Is.EqualTo(1UL << 30 | 1UL << 32));
        Assert.That(Get(15) & Offered, Is.EqualTo(Offered));
        Send(16, BitConverter.GetBytes(features));
        if ((features & VhostUserFeatures.ProtocolBackendRequests) != 0)
        {
            SocketPair pair = SocketPair.Create();
            _channel = new RawSocket(pair.Left, hasLimit: false);
            Order(21, [], pair.Right);
            pair.Right.Dispose();
            _thread = new Thread(AnswerRequests) { IsBackground = true, Name = "main loop" };
            _thread.Start();
        }
    }

    /// <summary>The guest's driver sets DRIVER_OK.</summary>
    public void DriverReady()
    {
        lock (_lock)
        {
            _ready = true;
        }

        Order(18, [0, 0, 0, 0, 1, 0, 0, 0]);
    }

    /// <summary>The guest resets the device: all mappings are gone.</summary>
    public void ResetDevice()
    {
        Order(18, [0, 0, 0, 0, 0, 0, 0, 0]);
        Assert.That(Call(11, new byte[8]), Has.Length.EqualTo(8));
        lock (_lock)
        {
            _ready = false;
            ForgetMappings();
        }
    }

    /// <summary>Maps and unmaps since the last call, without their files.</summary>
    public string TakeLog()
    {
        lock (_lock)
        {
            string taken = string.Join(", ", _log);
            _log.Clear();
            return taken;
        }
    }

    /// <summary>A processor reads; null where nothing is mapped.</summary>
    public byte[]? Load(ulong offset, int length)
    {
        byte[] data = new byte[length];
        return Access(offset, length, (file, at) => RandomAccess.Read(file, data, at)) ? data : null;
    }

    /// <summary>A processor writes.</summary>
    /// <returns>Whether something is mapped there.</returns>
    public bool Store(ulong offset, byte[] data) =>
        Access(offset, data.Length, (file, at) => RandomAccess.Write(file, data, at));

    /// <summary>Sends a request that has a reply of its own.</summary>
    public byte[] Call(uint request, ReadOnlySpan<byte> payload)
    {
        Send(request, payload);
        return ReceiveReply(request);
    }

    public ulong Get(uint request) => BinaryPrimitives.ReadUInt64LittleEndian(Call(request, []));

    /// <summary>Sends a request and expects its acknowledgement.</summary>
    public void Order(uint request, ReadOnlySpan<byte> payload, params ReadOnlySpan<FileDescriptor> descriptors)
    {
        Send(request, payload, NeedReply, descriptors);
        Assert.That(BinaryPrimitives.ReadUInt64LittleEndian(ReceiveReply(request)), Is.Zero, $"request {request}");
    }

    public void Send(
        uint request, ReadOnlySpan<byte> payload, uint flags = 0, params ReadOnlySpan<FileDescriptor> descriptors)
    {
        byte[] message = new byte[HeaderLength + payload.Length];
        BinaryPrimitives.WriteUInt32LittleEndian(message, request);
        BinaryPrimitives.WriteUInt32LittleEndian(message.AsSpan(4), 1 | flags);
        BinaryPrimitives.WriteInt32LittleEndian(message.AsSpan(8), payload.Length);
        payload.CopyTo(message.AsSpan(HeaderLength));
        Assert.That(_socket.Send(message, descriptors), Is.EqualTo(Errno.None));
    }

    /// <summary>Sends bytes that may be no request.</summary>
    public Errno SendRaw(ReadOnlySpan<byte> bytes) => _socket.Send(bytes);

    public void ExpectHangUp() => _socket.ExpectHangUp();

    public void Dispose()
    {
        // QEMU ends without an answer to the requests that are left.
        _socket.Shutdown();
        _channel?.Shutdown();
        Answering.Set();
        _thread?.Join();
        _channel?.Dispose();
        _socket.Dispose();
        lock (_lock)
        {
            ForgetMappings();
        }

        Answering.Dispose();
    }

    private byte[] ReceiveReply(uint request)
    {
        byte[] header = ReceiveExactly(_socket, HeaderLength, out _)!;
        Assert.That(BinaryPrimitives.ReadUInt32LittleEndian(header), Is.EqualTo(request));
        Assert.That(BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(4)), Is.EqualTo(5u), "version 1, a reply");
        return ReceiveExactly(_socket, BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(8)), out _)!;
    }

    private static byte[]? ReceiveExactly(RawSocket socket, int length, out FileDescriptor? descriptor)
    {
        byte[] bytes = new byte[length];
        var descriptors = new List<FileDescriptor>();
        bool isWhole = socket.TryReceive(bytes, descriptors);
        descriptor = descriptors.FirstOrDefault();
        return isWhole ? bytes : null;
    }

    private void AnswerRequests()
    {
        while (ReceiveExactly(_channel!, HeaderLength, out FileDescriptor? file) is { } header)
        {
            uint request = BinaryPrimitives.ReadUInt32LittleEndian(header);
            byte[]? payload = ReceiveExactly(
                _channel!, BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(8)), out _);
            if (payload is null)
            {
                return;
            }

            lock (_lock)
            {
                Requests++;
            }

            Answering.Wait();
            ulong status = request switch
            {
                9 => Map(payload, file),
                10 => Unmap(payload),
                _ => 1,
            };
            byte[] reply = new byte[HeaderLength + sizeof(ulong)];
            header.CopyTo(reply, 0);
            BinaryPrimitives.WriteUInt32LittleEndian(reply.AsSpan(4), 5);
            BinaryPrimitives.WriteInt32LittleEndian(reply.AsSpan(8), sizeof(ulong));
            BinaryPrimitives.WriteUInt64LittleEndian(reply.AsSpan(HeaderLength), status);
            if (_channel!.Send(reply) != Errno.None)
            {
                return;
            }
        }
    }

    private ulong Map(byte[] payload, FileDescriptor? file)
    {
        ulong fileOffset = BinaryPrimitives.ReadUInt64LittleEndian(payload.AsSpan(8));
        ulong offset = BinaryPrimitives.ReadUInt64LittleEndian(payload.AsSpan(16));
        ulong size = BinaryPrimitives.ReadUInt64LittleEndian(payload.AsSpan(24));
        lock (_lock)
        {
            if (!_ready)
            {
                _fault ??= "a map before DRIVER_OK";
            }

            if (file is null || payload[0] != 0 || (fileOffset | offset | size) % 4096 != 0 || payload[32] != 1)
            {
                _fault ??= "a malformed map";
                return 1;
            }

            if (_mappings.Any(other => offset - other.Key < other.Value.Size || other.Key - offset < size))
            {
                _fault ??= "maps that overlap";
            }

            if (Refuses)
            {
                file.Dispose();
                return 1;
            }

            _mappings.Add(offset, (size, file, fileOffset));
            _log.Add($"map {offset:x}+{size:x} to {fileOffset:x}");
            return 0;
        }
    }

    private ulong Unmap(byte[] payload)
    {
        ulong offset = BinaryPrimitives.ReadUInt64LittleEndian(payload.AsSpan(16));
        ulong size = BinaryPrimitives.ReadUInt64LittleEndian(payload.AsSpan(24));
        lock (_lock)
        {
            if (!_ready || !_mappings.Remove(offset, out var mapping) || mapping.Size != size)
            {
                _fault ??= "an unmap of what is not mapped so";
                return 1;
            }

            mapping.File.Dispose();
            _log.Add($"unmap {offset:x}+{size:x}");
            return 0;
        }
    }

    private bool Access(ulong offset, int length, Action<Microsoft.Win32.SafeHandles.SafeFileHandle, long> access)
    {
        lock (_lock)
        {
            foreach ((ulong start, (ulong size, FileDescriptor file, ulong fileOffset)) in _mappings)
            {
                if (offset - start < size && (ulong)length <= size - (offset - start))
                {
                    using var handle = new Microsoft.Win32.SafeHandles.SafeFileHandle(file.Number, ownsHandle: false);
                    access(handle, (long)(fileOffset + (offset - start)));
                    return true;
                }
            }

            return false;
        }
    }

    private void ForgetMappings()
    {
        foreach ((_, FileDescriptor file, _) in _mappings.Values)
        {
            file.Dispose();
        }

        _mappings.Clear();
    }
}
