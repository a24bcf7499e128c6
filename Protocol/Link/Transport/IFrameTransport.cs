using EpfTest.Protocol.Linux;

namespace EpfTest.Protocol.Link.Transport;

/// <summary>
/// Carries the bytes of the link, and file descriptors if it can. Whatever carries a byte stream both ways can be one.
/// </summary>
/// <remarks>
/// One thread receives and one sends at a time; <see cref="Shutdown"/> may be called by any thread, also after
/// <see cref="IDisposable.Dispose"/>. Errors are those of send(2) and recv(2).
/// </remarks>
internal interface IFrameTransport : IMessageSource, IDisposable
{
    /// <summary>Whether descriptors arrive at the other side. If not, the link agrees on TLPs only.</summary>
    bool PassesDescriptors { get; }

    /// <summary>Sends what is accepted at once. A frame with a descriptor is accepted whole or not at all.</summary>
    /// <param name="bytes">At least one byte.</param>
    /// <param name="descriptor">Goes with the first byte; remains the caller's. Null for none.</param>
    /// <param name="sent">How many bytes were accepted; 0 if there is no room.</param>
    Errno TrySend(ReadOnlySpan<byte> bytes, FileDescriptor? descriptor, out int sent);

    /// <summary>Sends all bytes and waits for room, no longer than <paramref name="limit"/> in total.</summary>
    Errno Send(ReadOnlySpan<byte> bytes, TimeSpan limit);

    /// <summary>Waits until there is something to receive, the other side has shut down, or the time is up.</summary>
    /// <param name="milliseconds">The time limit.</param>
    void WaitReadable(int milliseconds);

    /// <summary>As <see cref="WaitReadable"/> without a time limit, but not woken by data while it is paused.</summary>
    void WaitUnlessPaused();

    /// <summary>Keeps <see cref="WaitUnlessPaused"/> waiting: another thread receives meanwhile.</summary>
    void Pause();

    /// <summary>Ends <see cref="Pause"/>.</summary>
    void Resume();

    /// <summary>Ends the connection in both directions; every wait returns.</summary>
    void Shutdown();
}
