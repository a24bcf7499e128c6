using System.Buffers.Binary;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Memory;

namespace EpfTest.Protocol.VfioUser;

/// <summary>
/// Reads and writes private guest memory by VFIO_USER_DMA_READ and VFIO_USER_DMA_WRITE, for any thread but the one that
/// serves the client: QEMU answers in its main loop, which may be waiting for that thread.
/// </summary>
/// <param name="socket">The client.</param>
/// <param name="buffer">Room for the largest command.</param>
internal sealed class DmaRequester(ClientSocket socket, byte[] buffer) : IDmaMessenger
{
    // Requests that the client never answers count as well.
    private const int MaxRequests = 256;

    // QEMU counts a reply as sent when its socket accepts part of it (vfio_user_send_qio() of hw/vfio-user/proxy.c),
    // which leaves its stream malformed. Linux accepts all or nothing of what fits one buffer, some 36 KiB with pages
    // of 4 KiB (unix_stream_sendmsg()).
    private const int MaxReadLength = 32 << 10;

    // Shorter than QEMU's timeout for our reply (5 s), so that the requester can still report the error.
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(2);

    private readonly Lock _lock = new();
    private readonly Dictionary<ushort, ClientRequest> _requests = [];
    private readonly Stack<ClientRequest> _idle = new();

    // Bytes of one message; 0 while the client has not agreed on a version, and once it is gone.
    private volatile int _maxTransfer;
    private int _servingThread;
    private ushort _lastId;

    /// <summary>The client has agreed on a version; called by the thread that serves it.</summary>
    public void Open(int maxTransfer)
    {
        _servingThread = Environment.CurrentManagedThreadId;
        _maxTransfer = maxTransfer;
    }

    /// <summary>Fails every request that waits (<see cref="Errno.ENOTCONN"/>), and those to come.</summary>
    public void Close()
    {
        lock (_lock)
        {
            _maxTransfer = 0;
            foreach (ClientRequest request in _requests.Values)
            {
                request.Fail(Errno.ENOTCONN);
            }
        }
    }

    /// <inheritdoc/>
    public Errno Access(MemoryAccess access)
    {
        int limit = access.IsWrite ? _maxTransfer : Math.Min(_maxTransfer, MaxReadLength);
        while (access.Length > 0)
        {
            MemoryAccess piece = access.First(Math.Min(access.Length, limit));
            Errno error = Ask(piece);
            if (error != Errno.None)
            {
                return error;
            }

            access = access.Skip(piece.Length);
        }

        return Errno.None;
    }

    /// <summary>Hands a reply to the thread that waits for it.</summary>
    /// <returns>False if no request has this ID.</returns>
    public bool Complete(MessageHeader header, ReadOnlySpan<byte> payload)
    {
        lock (_lock)
        {
            if (!_requests.TryGetValue(header.Id, out ClientRequest? request))
            {
                return false;
            }

            if (request.IsAbandoned)
            {
                _requests.Remove(header.Id);
            }
            else
            {
                request.Complete(header, payload);
            }

            return true;
        }
    }

    private unsafe Errno Ask(MemoryAccess access)
    {
        VfioUserCommand command = access.IsWrite ? VfioUserCommand.DmaWrite : VfioUserCommand.DmaRead;
        if (Environment.CurrentManagedThreadId == _servingThread)
        {
            throw new InvalidOperationException(
                $"{command} at 0x{access.Address:x}: the thread that serves the client cannot wait for its answer");
        }

        // In bounds: a reply's data is copied only if it has the length of the request, and only while we wait.
        fixed (byte* start = access.Source)
        {
            Errno error = Register(
                command, access.IsWrite ? null : start, access.Length, out ushort id, out ClientRequest? request);
            if (request is null)
            {
                return error;
            }

            error = Send(id, command, access);
            bool isAnswered = error == Errno.None && request.Done.Wait(s_timeout);
            lock (_lock)
            {
                isAnswered |= request.Done.IsSet;
                if (error == Errno.None && !isAnswered)
                {
                    // The answer may still come, and is dropped then.
                    request.Abandon();
                    return Errno.ETIMEDOUT;
                }

                _requests.Remove(id);
                _idle.Push(request);
                return isAnswered ? request.Error : error;
            }
        }
    }

    private unsafe Errno Register(
        VfioUserCommand command, byte* destination, int length, out ushort id, out ClientRequest? request)
    {
        lock (_lock)
        {
            id = 0;
            request = null;
            if (_maxTransfer == 0)
            {
                return Errno.ENOTCONN;
            }

            if (_requests.Count == MaxRequests)
            {
                return Errno.EBUSY;
            }

            if (!_idle.TryPop(out request))
            {
                request = new ClientRequest();
            }

            request.Prepare(command, destination, length);
            do
            {
                id = ++_lastId;
            }
            while (!_requests.TryAdd(id, request));
            return Errno.None;
        }
    }

    private Errno Send(ushort id, VfioUserCommand command, MemoryAccess access)
    {
        ReadOnlySpan<byte> data = access.IsWrite ? access.Source : [];
        int size = MessageHeader.Length + ClientRequest.HeaderLength + data.Length;
        lock (socket.SendLock)
        {
            new MessageHeader(id, command, (uint)size, MessageFlags.Command, Errno.None).Write(buffer);
            Span<byte> payload = buffer.AsSpan(MessageHeader.Length);
            BinaryPrimitives.WriteUInt64LittleEndian(payload, access.Address);
            BinaryPrimitives.WriteUInt64LittleEndian(payload[8..], (ulong)access.Length);
            data.CopyTo(payload[ClientRequest.HeaderLength..]);
            Errno error = socket.Send(buffer.AsSpan(0, size));
            if (error != Errno.None)
            {
                // Part of the command may have been sent, which leaves the client's stream malformed.
                socket.Shutdown();
            }

            return error;
        }
    }
}
