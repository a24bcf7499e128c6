using System.Runtime.CompilerServices;
using System.Text;
using Tmds.Linux;

namespace EpfTest.Protocol.Linux;

/// <summary>
/// A connected Unix stream socket that carries bytes and file descriptors (unix(7), SCM_RIGHTS). One thread may
/// receive while another sends.
/// </summary>
internal sealed class UnixSocket : FileDescriptor, IMessageSource
{
    /// <summary>The most descriptors that the kernel passes with one message (SCM_MAX_FD).</summary>
    public const int MaxDescriptors = 253;

    // cmsg(3): the header is a size_t and two ints, and the data that follows needs no padding after it.
    private const int ControlHeaderSize = 16;
    private const int ControlSize = ControlHeaderSize + (MaxDescriptors * sizeof(int)) + 4;

    private long _sendLimit = int.MaxValue;

    internal UnixSocket(int descriptor)
        : base(descriptor)
    {
    }

    /// <summary>Connects to the server that listens at <paramref name="path"/>.</summary>
    /// <exception cref="LinuxException">Nothing listens there, or access is denied.</exception>
    public static unsafe UnixSocket Connect(string path)
    {
        var socket = new UnixSocket(NewSocket());
        sockaddr_un address;
        int length = FillAddress(&address, path);
        if (LibC.connect(socket.Number, (sockaddr*)&address, length) != 0)
        {
            var error = LinuxException.FromLastError($"connect to {path}");
            socket.Dispose();
            throw error;
        }

        return socket;
    }

    /// <summary>
    /// Receives the bytes that are there, at most <paramref name="buffer"/>.Length, and the descriptors that came with
    /// them; waits while nothing is there. The caller owns the descriptors.
    /// </summary>
    /// <param name="buffer">Where the bytes go.</param>
    /// <param name="descriptors">Where the descriptors go; at least <see cref="MaxDescriptors"/> places.</param>
    /// <param name="descriptorCount">How many came.</param>
    /// <param name="received">How many bytes came; 0 if the peer hung up.</param>
    /// <returns><see cref="Errno.None"/>, or the error that ended the connection.</returns>
    public Errno Receive(Span<byte> buffer, Span<int> descriptors, out int descriptorCount, out int received) =>
        Receive(buffer, descriptors, wait: true, out descriptorCount, out received);

    /// <summary>Sends all of <paramref name="data"/>, in one system call unless the socket is full.</summary>
    /// <returns><see cref="Errno.None"/>, or the error that broke the stream; <see cref="Errno.EAGAIN"/> if the peer
    /// did not receive all of it within the limit of <see cref="SetSendTimeout"/>.</returns>
    public Errno Send(ReadOnlySpan<byte> data) => Send(data, []);

    /// <summary>Sends <paramref name="data"/> and <paramref name="descriptors"/> with its first byte.</summary>
    /// <param name="data">At least one byte.</param>
    /// <param name="descriptors">At most <see cref="MaxDescriptors"/>; they stay the caller's.</param>
    /// <returns>As for <see cref="Send(ReadOnlySpan{byte})"/>.</returns>
    [SkipLocalsInit]
    public unsafe Errno Send(ReadOnlySpan<byte> data, ReadOnlySpan<int> descriptors)
    {
        byte* control = stackalloc byte[ControlSize];
        // The kernel reads data.Length bytes of data and the control bytes that were just filled.
        fixed (byte* start = data)
        {
            int sent = 0;
            long end = 0;
            while (true)
            {
                var vector = new iovec { iov_base = start + sent, iov_len = data.Length - sent };
                var message = new msghdr { msg_iov = &vector, msg_iovlen = 1 };
                if (sent == 0 && !descriptors.IsEmpty)
                {
                    message.msg_control = control;
                    message.msg_controllen = PutDescriptors(control, descriptors);
                }

                long result = LibC.sendmsg(Number, &message, LibC.MSG_NOSIGNAL | LibC.MSG_DONTWAIT);
                sent += (int)Math.Max(result, 0);
                if (sent == data.Length)
                {
                    return Errno.None;
                }

                if (result < 0 && LastError.Get() is not (Errno.EINTR or Errno.EAGAIN) and var error)
                {
                    return error;
                }

                // One limit for all of it: a peer that takes a byte now and then is as bad as one that takes none.
                long now = Environment.TickCount64;
                end = end == 0 ? now + _sendLimit : end;
                if (!WaitWritable(end - now))
                {
                    return Errno.EAGAIN;
                }
            }
        }
    }

    /// <summary>Sends what fits into the socket, without waiting, with <paramref name="descriptors"/> on the first
    /// byte.</summary>
    /// <param name="data">At least one byte.</param>
    /// <param name="descriptors">At most <see cref="MaxDescriptors"/>; they stay the caller's.</param>
    /// <param name="sent">How many bytes were sent; 0 if the socket is full.</param>
    /// <returns><see cref="Errno.None"/>, also if the socket is full, or the error that broke the stream.</returns>
    [SkipLocalsInit]
    internal unsafe Errno TrySend(ReadOnlySpan<byte> data, ReadOnlySpan<int> descriptors, out int sent)
    {
        byte* control = stackalloc byte[ControlSize];
        // The kernel reads data.Length bytes of data and the control bytes that were just filled.
        fixed (byte* start = data)
        {
            var vector = new iovec { iov_base = start, iov_len = data.Length };
            var message = new msghdr { msg_iov = &vector, msg_iovlen = 1 };
            if (!descriptors.IsEmpty)
            {
                message.msg_control = control;
                message.msg_controllen = PutDescriptors(control, descriptors);
            }

            while (true)
            {
                long result = LibC.sendmsg(Number, &message, LibC.MSG_NOSIGNAL | LibC.MSG_DONTWAIT);
                sent = (int)Math.Max(result, 0);
                if (result >= 0)
                {
                    return Errno.None;
                }

                Errno error = LastError.Get();
                if (error != Errno.EINTR)
                {
                    return error == Errno.EAGAIN ? Errno.None : error;
                }
            }
        }
    }

    /// <summary>Limits how long a send may wait for a peer that does not receive; initially there is no
    /// limit.</summary>
    public void SetSendTimeout(TimeSpan limit) => _sendLimit = (long)limit.TotalMilliseconds;

    /// <summary>Limits how long a receive waits; after it, <see cref="Errno.EAGAIN"/>.</summary>
    public unsafe void SetReceiveTimeout(TimeSpan limit)
    {
        // struct timeval: seconds, microseconds.
        long* value = stackalloc long[2];
        value[0] = (long)limit.TotalSeconds;
        value[1] = limit.Ticks % TimeSpan.TicksPerSecond / TimeSpan.TicksPerMicrosecond;
        if (LibC.setsockopt(Number, LibC.SOL_SOCKET, LibC.SO_RCVTIMEO, value, 2 * sizeof(long)) != 0)
        {
            throw LinuxException.FromLastError("set a socket's timeout");
        }
    }

    /// <summary>Requests room for bytes that were sent and not received yet; the kernel may give less.</summary>
    internal unsafe void SetSendBuffer(int bytes) =>
        _ = LibC.setsockopt(Number, LibC.SOL_SOCKET, LibC.SO_SNDBUF, &bytes, sizeof(int));

    /// <summary>How many bytes wait to be received.</summary>
    internal unsafe int Readable
    {
        get
        {
            int bytes = 0;
            return LibC.ioctl(Number, LibC.FIONREAD, &bytes) == 0 ? bytes : 0;
        }
    }

    /// <summary>
    /// The peer when it connected or listened: process and effective user ID (SO_PEERCRED, unix(7)).
    /// </summary>
    public unsafe (int Process, uint User) Peer
    {
        get
        {
            // struct ucred: process, user, group.
            uint* credentials = stackalloc uint[3];
            socklen_t length = 3 * sizeof(uint);
            if (LibC.getsockopt(Number, LibC.SOL_SOCKET, LibC.SO_PEERCRED, credentials, &length) != 0)
            {
                throw LinuxException.FromLastError("read the peer of a socket");
            }

            return ((int)credentials[0], credentials[1]);
        }
    }

    /// <summary>Waits for input or until the peer hangs up.</summary>
    /// <param name="limit">At most so many milliseconds; -1 for no limit.</param>
    internal unsafe void WaitReadable(int limit = -1)
    {
        var poll = new pollfd { fd = Number, events = LibC.POLLIN };
        while (LibC.poll(&poll, 1, limit) < 0 && limit < 0 && LastError.Get() == Errno.EINTR)
        {
        }
    }

    /// <summary>Whether the peer has closed its end; meaningless after <see cref="Shutdown"/>.</summary>
    internal unsafe bool HasPeerLeft
    {
        get
        {
            var poll = new pollfd { fd = Number };
            return LibC.poll(&poll, 1, 0) == 1 && (poll.revents & LibC.POLLHUP) != 0;
        }
    }

    /// <summary>Waits, at most so many milliseconds, for room to send or until the peer hangs up.</summary>
    private unsafe bool WaitWritable(long limit)
    {
        var poll = new pollfd { fd = Number, events = LibC.POLLOUT };
        return limit > 0 && LibC.poll(&poll, 1, (int)Math.Min(limit, int.MaxValue)) switch
        {
            0 => false,
            < 0 => LastError.Get() == Errno.EINTR,
            _ => true,
        };
    }

    /// <summary>Ends the connection for both sides; a thread that waits in it returns. May be called by any
    /// thread.</summary>
    public void Shutdown() => _ = LibC.shutdown(Number, LibC.SHUT_RDWR);

    internal static int NewSocket()
    {
        int descriptor = LibC.socket(LibC.AF_UNIX, LibC.SOCK_STREAM | LibC.SOCK_CLOEXEC, 0);
        return descriptor >= 0 ? descriptor : throw LinuxException.FromLastError("create a socket");
    }

    /// <summary>Writes <paramref name="path"/> into <paramref name="address"/>.</summary>
    /// <returns>The length for bind(2) and connect(2).</returns>
    internal static unsafe int FillAddress(sockaddr_un* address, string path)
    {
        int length = Encoding.UTF8.GetByteCount(path);
        if (length == 0 || length >= sockaddr_un.sun_path_length)
        {
            throw new LinuxException(
                $"use the socket path {path} ({length} bytes, the limit is {sockaddr_un.sun_path_length - 1})",
                Errno.EINVAL);
        }

        *address = default;
        address->sun_family = LibC.AF_UNIX;
        // length is below sun_path_length, so the terminating zero of the cleared structure stays.
        Encoding.UTF8.GetBytes(path, new Span<byte>(address->sun_path, sockaddr_un.sun_path_length));
        return sockaddr_un.sun_path_offset + length + 1;
    }

    /// <inheritdoc/>
    [SkipLocalsInit]
    public unsafe Errno Receive(
        Span<byte> buffer, Span<int> descriptors, bool wait, out int descriptorCount, out int received)
    {
        int flags = wait ? 0 : LibC.MSG_DONTWAIT;
        byte* control = stackalloc byte[ControlSize];
        // The kernel writes at most buffer.Length bytes to data and ControlSize bytes to control.
        fixed (byte* data = buffer)
        {
            var vector = new iovec { iov_base = data, iov_len = buffer.Length };
            var message = new msghdr
            {
                msg_iov = &vector,
                msg_iovlen = 1,
                msg_control = control,
                msg_controllen = ControlSize,
            };
            long result = RetryWhileInterrupted(&message);
            if (result < 0)
            {
                descriptorCount = 0;
                received = 0;
                return LastError.Get();
            }

            received = (int)result;
            descriptorCount = message.msg_controllen == 0 ? 0 : TakeDescriptors(&message, descriptors);
            // There is room for all that the kernel can pass, so our descriptor table is full.
            return (message.msg_flags & LibC.MSG_CTRUNC) == 0 ? Errno.None : Errno.EPROTO;
        }

        long RetryWhileInterrupted(msghdr* message)
        {
            long result;
            do
            {
                result = LibC.recvmsg(Number, message, LibC.MSG_CMSG_CLOEXEC | flags);
            }
            while (result < 0 && LastError.Get() == Errno.EINTR);
            return result;
        }
    }

    private static unsafe int TakeDescriptors(msghdr* message, Span<int> descriptors)
    {
        int count = 0;
        for (cmsghdr* header = LibC.CMSG_FIRSTHDR(message);
            header != null && header->cmsg_len >= ControlHeaderSize;
            header = LibC.CMSG_NXTHDR(message, header))
        {
            if (header->cmsg_level == LibC.SOL_SOCKET && header->cmsg_type == LibC.SCM_RIGHTS)
            {
                // cmsg_len was written by the kernel and covers what it stored after the header.
                var passed = new ReadOnlySpan<int>(
                    LibC.CMSG_DATA(header), ((int)(uint)header->cmsg_len - ControlHeaderSize) / sizeof(int));
                passed.CopyTo(descriptors[count..]);
                count += passed.Length;
            }
        }

        return count;
    }

    private static unsafe int PutDescriptors(byte* control, ReadOnlySpan<int> descriptors)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(descriptors.Length, MaxDescriptors);
        int length = ControlHeaderSize + (descriptors.Length * sizeof(int));
        var header = (cmsghdr*)control;
        header->cmsg_len = (uint)length;
        header->cmsg_level = LibC.SOL_SOCKET;
        header->cmsg_type = LibC.SCM_RIGHTS;
        // ControlSize has room for MaxDescriptors after the header.
        descriptors.CopyTo(new Span<int>(control + ControlHeaderSize, MaxDescriptors));
        return LibC.CMSG_ALIGN(length);
    }
}
