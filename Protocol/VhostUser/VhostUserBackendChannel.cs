using System.Buffers.Binary;
using EpfTest.Protocol.Linux;
using Microsoft.Extensions.Logging;

namespace EpfTest.Protocol.VhostUser;

/// <summary>The channel of SET_BACKEND_REQ_FD: the back-end sends requests, QEMU's main loop replies.</summary>
/// <remarks>
/// One thread at a time calls <see cref="Change"/>; <see cref="IsOpen"/> and <see cref="Dispose"/> belong to the thread
/// that serves the front-end. A request that arrives while the device is reset, or before the driver is ready, ends
/// that QEMU (seen with 11.1), so sending and closing exclude each other.
/// </remarks>
internal sealed class VhostUserBackendChannel : IWindowBackend, IDisposable
{
    // struct VhostUserMMap: region, padding, offsets in the file and in the region, length, flags.
    private const int MappingLength = 40;
    private const int ObjectLength = 16;
    private const int StatusLength = sizeof(ulong);
    private const ulong Writable = 1;

    // So few that neither socket buffer can become full.
    private const int MaxUnanswered = 32;

    private readonly UnixSocket _socket;
    private readonly MessageReceiver _receiver;
    private readonly ILogger _logger;
    private readonly Lock _sending = new();
    private readonly Lock _changing = new();
    private readonly byte[] _message = new byte[VhostUserHeader.Length + MappingLength];
    private bool _open;
    private bool _broken;
    private bool _disposed;

    /// <summary>Takes over <paramref name="socket"/>.</summary>
    public VhostUserBackendChannel(UnixSocket socket, TimeSpan answerLimit, ILogger logger)
    {
        _socket = socket;
        _logger = logger;
        _socket.SetSendTimeout(answerLimit);
        _socket.SetReceiveTimeout(answerLimit);
        _receiver = new MessageReceiver(socket, VhostUserHeader.Length + StatusLength);
    }

    /// <summary>Whether requests may be sent.</summary>
    public bool IsOpen
    {
        get
        {
            lock (_sending)
            {
                return _open;
            }
        }

        set
        {
            lock (_sending)
            {
                _open = value;
            }
        }
    }

    /// <inheritdoc/>
    public bool Change(IReadOnlyList<WindowMapping> unmap, IReadOnlyList<WindowMapping> map, Span<bool> mapped)
    {
        lock (_changing)
        {
            if (_broken || _disposed)
            {
                return false;
            }

            int done = 0;
            int total = unmap.Count + map.Count;
            Errno error = Errno.None;
            while (done < total && error == Errno.None)
            {
                int sent = done;
                int last = Math.Min(done + MaxUnanswered, total);
                while (sent < last && error == Errno.None)
                {
                    error = sent < unmap.Count
                        ? SendMapping(VhostUserBackendRequest.ShmemUnmap, unmap[sent])
                        : SendMapping(VhostUserBackendRequest.ShmemMap, map[sent - unmap.Count]);
                    sent += error == Errno.None ? 1 : 0;
                }

                // QEMU replies before it applies a change, and reads the next request afterwards. The barrier is a
                // request that changes nothing.
                if (sent == total)
                {
                    error = SendBarrier();
                }

                if (error is not (Errno.None or Errno.ENODEV))
                {
                    return Break($"could not be sent ({error})");
                }

                for (; done < sent; done++)
                {
                    VhostUserBackendRequest request = done < unmap.Count
                        ? VhostUserBackendRequest.ShmemUnmap
                        : VhostUserBackendRequest.ShmemMap;
                    if (!ReceiveStatus(request, out ulong status))
                    {
                        return Break("was not answered (timeout or malformed reply)");
                    }

                    if (done >= unmap.Count)
                    {
                        mapped[done - unmap.Count] = status == 0;
                    }
                }
            }

            // If the device was reset meanwhile, the requests before that were answered, and later ones may be sent.
            return error == Errno.None
                && (total == 0
                    || ReceiveStatus(VhostUserBackendRequest.SharedObjectRemove, out _)
                    || Break("was not answered (timeout or malformed reply)"));
        }
    }

    /// <summary>Closes the channel, once a thread that waits in <see cref="Change"/> has returned.</summary>
    public void Dispose()
    {
        IsOpen = false;
        _socket.Shutdown();
        lock (_changing)
        {
            _disposed = true;
            _receiver.Dispose();
            _socket.Dispose();
        }
    }

    private Errno SendMapping(VhostUserBackendRequest request, in WindowMapping mapping)
    {
        Span<byte> payload = _message.AsSpan(VhostUserHeader.Length);
        payload.Clear();
        bool isMap = request == VhostUserBackendRequest.ShmemMap;
        BinaryPrimitives.WriteUInt64LittleEndian(payload[8..], isMap ? mapping.FileOffset : 0);
        BinaryPrimitives.WriteUInt64LittleEndian(payload[16..], mapping.Offset);
        BinaryPrimitives.WriteUInt64LittleEndian(payload[24..], mapping.Size);
        BinaryPrimitives.WriteUInt64LittleEndian(payload[32..], isMap ? Writable : 0);
        return isMap
            ? Send(request, MappingLength, [mapping.File.Number])
            : Send(request, MappingLength, []);
    }

    private Errno SendBarrier()
    {
        // The UUID of no object.
        _message.AsSpan(VhostUserHeader.Length).Clear();
        return Send(VhostUserBackendRequest.SharedObjectRemove, ObjectLength, []);
    }

    /// <returns><see cref="Errno.ENODEV"/> while requests must not be sent.</returns>
    private Errno Send(VhostUserBackendRequest request, int length, ReadOnlySpan<int> descriptors)
    {
        new VhostUserHeader(
            (uint)request, VhostUserFlags.Version | VhostUserFlags.NeedReply, (uint)length).Write(_message);
        lock (_sending)
        {
            return _open
                ? _socket.Send(_message.AsSpan(0, VhostUserHeader.Length + length), descriptors)
                : Errno.ENODEV;
        }
    }

    private bool ReceiveStatus(VhostUserBackendRequest request, out ulong status)
    {
        const int Size = VhostUserHeader.Length + StatusLength;
        status = 0;
        while (_receiver.Available.Length < Size)
        {
            if (!_receiver.Receive(Size - _receiver.Available.Length))
            {
                return false;
            }
        }

        VhostUserHeader header = VhostUserHeader.Read(_receiver.Available);
        status = BinaryPrimitives.ReadUInt64LittleEndian(_receiver.Available[VhostUserHeader.Length..]);
        _receiver.Consume(Size);
        _receiver.CloseDescriptors();
        return header.Request == (uint)request
            && (header.Flags & VhostUserFlags.Reply) != 0
            && header.Size == StatusLength;
    }

    private bool Break(string what)
    {
        _broken = true;
        if (IsOpen)
        {
            _logger.LogError(
                "a request to QEMU to change the mapped window {What}; its mappings stay until the EP guest is reset",
                what);
        }

        return false;
    }
}
