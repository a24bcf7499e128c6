using EpfTest.Protocol.Link.Transport;
using EpfTest.Protocol.Linux;

namespace EpfTest.Protocol.Link;

/// <summary>Cuts the received bytes into frames. For the receiving thread.</summary>
internal sealed class FrameReader(IFrameTransport transport) : IDisposable
{
    private readonly MessageReceiver _receiver = new(transport, FrameHeader.Length + FrameHeader.MaxPayload);

    /// <summary>Whether bytes are left that <see cref="TryTake"/> has not taken.</summary>
    public bool HasMore => !_receiver.Available.IsEmpty;

    /// <summary>How the last receive failed: <see cref="Errno.EAGAIN"/> if nothing was there.</summary>
    public Errno Error => _receiver.Error;

    /// <summary>Receives more, without waiting. All whole frames have been taken.</summary>
    public bool TryReceive() => _receiver.TryReceive(FrameHeader.Missing(_receiver.Available));

    /// <summary>Takes the next frame, if all of it has been received.</summary>
    /// <param name="payload">Valid until the next receive.</param>
    /// <param name="fault">Why the stream is malformed, or null.</param>
    public bool TryTake(out FrameHeader frame, out ReadOnlySpan<byte> payload, out string? fault)
    {
        frame = default;
        payload = default;
        fault = null;
        ReadOnlySpan<byte> available = _receiver.Available;
        if (available.Length < FrameHeader.Length)
        {
            return false;
        }

        frame = FrameHeader.Decode(available);
        if (frame.PayloadLength > FrameHeader.MaxPayload)
        {
            fault = $"malformed frame: {frame.PayloadLength} bytes announced, the limit is {FrameHeader.MaxPayload}";
            return false;
        }

        int size = FrameHeader.Length + (int)frame.PayloadLength;
        if (available.Length < size)
        {
            return false;
        }

        payload = available[FrameHeader.Length..size];
        _receiver.Consume(size);
        return true;
    }

    /// <summary>The descriptor of the frame that was taken last, owned by the caller, or null.</summary>
    public FileDescriptor? TakeDescriptor() =>
        _receiver.Descriptors.IsEmpty ? null : _receiver.TakeDescriptor(0);

    /// <summary>Closes the descriptors of that frame that nobody took.</summary>
    public void CloseDescriptors() => _receiver.CloseDescriptors();

    public void Dispose() => _receiver.Dispose();
}
