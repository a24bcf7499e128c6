using System.Text;
using EpfTest.Protocol.Link.Transport;
using EpfTest.Protocol.Linux;

namespace EpfTest.Protocol.Link;

/// <summary>The exchange of HELLO frames that opens a link.</summary>
internal static class Handshake
{
    /// <summary>Sends our HELLO and awaits the other side's; refuses the other side if they do not fit.</summary>
    /// <remarks>
    /// A relay between the sides (socat, ssh -L) drops descriptors without a word. So a HELLO that offers anything has
    /// one with it: where none arrives, none will.
    /// </remarks>
    /// <param name="agreed">The capabilities that both sides offer and the transport can carry.</param>
    /// <param name="isRelayed">Whether both sides offer something that no descriptor arrives for.</param>
    /// <returns>Why the link is refused, or null.</returns>
    public static string? Exchange(
        IFrameTransport transport,
        FrameReader reader,
        LinkSettings settings,
        out LinkCapabilities agreed,
        out bool isRelayed)
    {
        agreed = transport.PassesDescriptors ? settings.Capabilities : LinkCapabilities.None;
        isRelayed = false;
        Span<byte> hello = stackalloc byte[FrameHeader.Length + LinkHello.Length];
        new FrameHeader(LinkHello.Length, FrameKind.Hello, default).Encode(hello);
        new LinkHello(LinkHello.OurMajor, LinkHello.OurMinor, settings.Role, agreed)
            .Encode(hello[FrameHeader.Length..]);
        bool sendsDescriptor = agreed != LinkCapabilities.None;
        if (Send(transport, hello, sendsDescriptor, settings.Timeouts.Send) != Errno.None)
        {
            return "the other side hung up";
        }

        string? refusal = Receive(
            transport, reader, settings, out LinkHello other, out bool refused, out bool withDescriptor);
        if (refusal is not null && !refused)
        {
            _ = transport.TrySend(EncodeRefusal(refusal), null, out _);
        }

        agreed &= other.Capabilities;
        if (agreed != LinkCapabilities.None && !withDescriptor && other.SendsDescriptor)
        {
            isRelayed = true;
            agreed = LinkCapabilities.None;
        }

        return refusal;
    }

    /// <summary>A REFUSE frame.</summary>
    public static byte[] EncodeRefusal(string reason)
    {
        byte[] text = Encoding.UTF8.GetBytes(reason);
        byte[] frame = new byte[FrameHeader.Length + text.Length];
        new FrameHeader((uint)text.Length, FrameKind.Refuse, default).Encode(frame);
        text.CopyTo(frame.AsSpan(FrameHeader.Length));
        return frame;
    }

    /// <summary>The reason in a REFUSE frame that was received.</summary>
    public static string DecodeRefusal(ReadOnlySpan<byte> payload) =>
        "by the other side: " + Encoding.UTF8.GetString(payload);

    private static Errno Send(
        IFrameTransport transport, ReadOnlySpan<byte> hello, bool withDescriptor, TimeSpan limit)
    {
        if (!withDescriptor)
        {
            return transport.Send(hello, limit);
        }

        using var probe = EventFd.Create();
        Errno error = transport.TrySend(hello, probe, out int sent);
        return error == Errno.None && sent == 0 ? Errno.EAGAIN : error;
    }

    private static string? Receive(
        IFrameTransport transport,
        FrameReader reader,
        LinkSettings settings,
        out LinkHello hello,
        out bool refused,
        out bool withDescriptor)
    {
        hello = default;
        refused = false;
        withDescriptor = false;
        long end = Environment.TickCount64 + (long)settings.Timeouts.Hello.TotalMilliseconds;
        while (true)
        {
            if (reader.TryTake(out FrameHeader frame, out ReadOnlySpan<byte> payload, out string? fault))
            {
                using (FileDescriptor? descriptor = reader.TakeDescriptor())
                {
                    withDescriptor = descriptor is not null;
                }

                reader.CloseDescriptors();
                refused = frame.Kind == FrameKind.Refuse;
                return frame.Kind switch
                {
                    FrameKind.Hello => LinkHello.Accept(payload, settings.Role, out hello),
                    FrameKind.Refuse => DecodeRefusal(payload),
                    _ => "the first frame is not a hello",
                };
            }

            if (fault is not null)
            {
                return fault;
            }

            // The limit is for the whole HELLO, not for each byte.
            while (!reader.TryReceive())
            {
                long left = end - Environment.TickCount64;
                if (reader.Error != Errno.EAGAIN || left <= 0)
                {
                    return (left <= 0 ? "timeout: " : "") + "no hello from the other side";
                }

                transport.WaitReadable((int)left);
            }
        }
    }
}
