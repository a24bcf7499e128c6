using System.Buffers.Binary;
using EpfTest.Protocol.Linux;

namespace EpfTest.Protocol.VfioUser;

/// <content>
/// VFIO_USER_DMA_READ and VFIO_USER_DMA_WRITE: what we ask of the client. Its QEMU answers in its main loop, which an
/// access to our device may be blocking, so the thread that serves the client may never ask.
/// </content>
internal sealed partial class VfioUserConnection
{
    // address (8), count (8), data
    private const int DmaAccessHeader = 16;

    // Those that the client never answers count as well.
    private const int MaxRequests = 256;

    // QEMU takes a reply that its socket accepts a part of for sent (vfio_user_send_qio() of hw/vfio-user/proxy.c), after which its
    // stream makes no sense any more. Linux accepts what one buffer holds whole or not at all, some 36 KiB where a page has 4
    // (unix_stream_sendmsg()).
    private const int MaxReadLength = 32 << 10;

    // Shorter than QEMU's own patience with us (5 s), so that whoever asked can still say what went wrong.
    private static readonly TimeSpan s_requestTimeout = TimeSpan.FromSeconds(2);

    private readonly Lock _requestLock = new();
    private readonly Dictionary<ushort, ClientRequest> _requests = [];
    private readonly Stack<ClientRequest> _idleRequests = new();
    private readonly byte[] _command;
    private int _servingThread;
    private ushort _lastId;
    private bool _gone;
    private bool _closed;

    /// <summary>Reads guest memory by messages. May be called by any thread but the one that serves the client.</summary>
    public unsafe Errno DmaRead(ulong address, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            int length = Math.Min(destination.Length, Math.Min(_maxTransfer, MaxReadLength));
            Errno error;

            // In bounds: the reply's data is copied only if it has the length asked for, and only while we wait.
            fixed (byte* start = destination)
            {
                error = Ask(VfioUserCommand.DmaRead, address, start, length, []);
            }

            if (error != Errno.None)
            {
                return error;
            }

            destination = destination[length..];
            address += (ulong)length;
        }

        return Errno.None;
    }

    /// <summary>Writes guest memory by messages. May be called by any thread but the one that serves the client.</summary>
    public unsafe Errno DmaWrite(ulong address, ReadOnlySpan<byte> source)
    {
        while (!source.IsEmpty)
        {
            int length = Math.Min(source.Length, _maxTransfer);
            Errno error = Ask(VfioUserCommand.DmaWrite, address, null, length, source[..length]);
            if (error != Errno.None)
            {
                return error;
            }

            source = source[length..];
            address += (ulong)length;
        }

        return Errno.None;
    }

    private unsafe Errno Ask(
        VfioUserCommand command, ulong address, byte* destination, int length, ReadOnlySpan<byte> data)
    {
        if (Environment.CurrentManagedThreadId == _servingThread)
        {
            throw new InvalidOperationException(
                $"{command} at 0x{address:x}: the thread that serves the client cannot wait for its answer");
        }

        Errno error = Register(command, destination, length, out ushort id, out ClientRequest? request);
        if (request is null)
        {
            return error;
        }

        error = SendCommand(id, command, address, length, data);
        bool answered = error == Errno.None && request.Done.Wait(s_requestTimeout);
        lock (_requestLock)
        {
            answered |= request.Done.IsSet;
            if (error == Errno.None && !answered)
            {
                // Its answer may still come, and is then dropped.
                request.Abandon();
                return Errno.ETIMEDOUT;
            }

            _requests.Remove(id);
            _idleRequests.Push(request);
            return answered ? request.Error : error;
        }
    }

    private unsafe Errno Register(
        VfioUserCommand command, byte* destination, int length, out ushort id, out ClientRequest? request)
    {
        lock (_requestLock)
        {
            id = 0;
            request = null;
            if (_gone || _maxTransfer == 0)
            {
                return Errno.ENOTCONN;
            }

            if (_requests.Count == MaxRequests)
            {
                return Errno.EBUSY;
            }

            if (!_idleRequests.TryPop(out request))
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

    private Errno SendCommand(
        ushort id, VfioUserCommand command, ulong address, int length, ReadOnlySpan<byte> data)
    {
        int size = MessageHeader.Length + DmaAccessHeader + data.Length;
        lock (_sendLock)
        {
            if (_closed)
            {
                return Errno.ENOTCONN;
            }

            new MessageHeader(id, command, (uint)size, MessageFlags.Command, Errno.None).Write(_command);
            Span<byte> payload = _command.AsSpan(MessageHeader.Length);
            BinaryPrimitives.WriteUInt64LittleEndian(payload, address);
            BinaryPrimitives.WriteUInt64LittleEndian(payload[8..], (ulong)length);
            data.CopyTo(payload[DmaAccessHeader..]);
            Errno error = _socket.Send(_command.AsSpan(0, size));
            if (error != Errno.None)
            {
                // A part may have gone out, after which the client could make sense of nothing.
                Shutdown();
            }

            return error;
        }
    }

    /// <summary>Hands a reply to the thread that waits for it.</summary>
    /// <returns>False where nothing was asked under this id.</returns>
    private bool CompleteRequest(MessageHeader header, ReadOnlySpan<byte> payload)
    {
        lock (_requestLock)
        {
            if (!_requests.TryGetValue(header.Id, out ClientRequest? request))
            {
                return false;
            }

            if (request.Abandoned)
            {
                _requests.Remove(header.Id);
                return true;
            }

            request.Complete(header, payload);
            return true;
        }
    }

    private void FailRequests()
    {
        lock (_requestLock)
        {
            _gone = true;
            foreach (ClientRequest request in _requests.Values)
            {
                request.Error = Errno.ENOTCONN;
                request.Done.Set();
            }
        }
    }

    /// <summary>One command that the client has not answered yet; guarded by the lock of the requests.</summary>
    private sealed unsafe class ClientRequest
    {
        private VfioUserCommand _command;
        private byte* _destination;
        private int _length;

        public ManualResetEventSlim Done { get; } = new();

        public bool Abandoned { get; private set; }

        public Errno Error { get; set; }

        public void Prepare(VfioUserCommand command, byte* destination, int length)
        {
            Done.Reset();
            _command = command;
            _destination = destination;
            Abandoned = false;
            Error = Errno.None;
            _length = length;
        }

        public void Abandon()
        {
            Abandoned = true;
            _destination = null;
        }

        public void Complete(MessageHeader header, ReadOnlySpan<byte> payload)
        {
            if (header.Flags.HasFlag(MessageFlags.Error))
            {
                Error = header.Error > Errno.None ? header.Error : Errno.EINVAL;
            }
            else if (header.Command != _command
                || (_destination != null && payload.Length != DmaAccessHeader + _length))
            {
                Error = Errno.EPROTO;
            }
            else if (_destination != null)
            {
                // In bounds: the waiting thread gave _length bytes there, and takes the lock before it leaves.
                payload[DmaAccessHeader..].CopyTo(new Span<byte>(_destination, _length));
            }

            Done.Set();
        }
    }
}
