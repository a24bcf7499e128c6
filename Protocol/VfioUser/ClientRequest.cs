using EpfTest.Protocol.Linux;

namespace EpfTest.Protocol.VfioUser;

/// <summary>A DMA_READ or DMA_WRITE that waits for the client's answer; guarded by <see cref="DmaRequester"/>'s
/// lock.</summary>
internal sealed unsafe class ClientRequest
{
    // address (8), count (8); a read's reply and a write have the data after it
    public const int HeaderLength = 16;

    private VfioUserCommand _command;
    private byte* _destination;
    private int _length;

    public ManualResetEventSlim Done { get; } = new();

    public bool IsAbandoned { get; private set; }

    public Errno Error { get; private set; }

    public void Prepare(VfioUserCommand command, byte* destination, int length)
    {
        Done.Reset();
        _command = command;
        _destination = destination;
        _length = length;
        IsAbandoned = false;
        Error = Errno.None;
    }

    /// <summary>The requester waits no longer: its memory must not be written any more.</summary>
    public void Abandon()
    {
        IsAbandoned = true;
        _destination = null;
    }

    public void Complete(MessageHeader header, ReadOnlySpan<byte> payload)
    {
        if ((header.Flags & MessageFlags.Error) != 0)
        {
            // With EPERM QEMU says that the memory does not allow it (MEMTX_ACCESS_ERROR); here it is the device that
            // may not ask.
            Error = header.Error switch
            {
                <= Errno.None => Errno.EINVAL,
                Errno.EPERM => Errno.EACCES,
                _ => header.Error,
            };
        }
        else if (header.Command != _command || (_destination != null && payload.Length != HeaderLength + _length))
        {
            Error = Errno.EPROTO;
        }
        else if (_destination != null)
        {
            // In bounds: the waiting thread gave _length bytes there, and takes the lock before it leaves.
            payload[HeaderLength..].CopyTo(new Span<byte>(_destination, _length));
        }

        Done.Set();
    }

    public void Fail(Errno error)
    {
        Error = error;
        Done.Set();
    }
}
