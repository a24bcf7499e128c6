namespace EpfTest.Protocol.Linux;

/// <summary>A byte stream that may carry file descriptors, for a <see cref="MessageReceiver"/>.</summary>
internal interface IMessageSource
{
    /// <summary>Receives what is there, at most <paramref name="buffer"/>.Length bytes, and the descriptors that came
    /// with it, which the caller then owns. Ends with the bytes that carried descriptors.</summary>
    /// <param name="descriptors">At least <see cref="UnixSocket.MaxDescriptors"/> places.</param>
    /// <param name="wait">False to return <see cref="Errno.EAGAIN"/> if nothing is there.</param>
    /// <param name="received">How many bytes were received; 0 if the peer has shut down.</param>
    Errno Receive(Span<byte> buffer, Span<int> descriptors, bool wait, out int descriptorCount, out int received);
}
