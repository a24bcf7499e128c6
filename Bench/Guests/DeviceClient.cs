using EpfTest.Bench.Machine;
using EpfTest.Kit.VfioUser;
using EpfTest.Protocol.Linux;

namespace EpfTest.Bench.Guests;

/// <summary>A client with one send and one receive for each command. For one thread.</summary>
internal class DeviceClient : VfioUserClient
{
    public const int MemorySize = 64 << 20;

    /// <summary>Bytes of a read's request, and of one of 4 bytes' reply.</summary>
    public const int ReadRequestSize = 32;

    /// <inheritdoc cref="ReadRequestSize"/>
    public const int ReadReplySize = 36;

    /// <summary>Bytes of a request to write 4 bytes, and of its reply.</summary>
    public const int WriteRequestSize = 36;

    /// <inheritdoc cref="WriteRequestSize"/>
    public const int WriteReplySize = 32;

    private readonly byte[] _received = new byte[64 << 10];
    private readonly int[] _descriptors = new int[UnixSocket.MaxDescriptors];

    /// <summary>Connects, agrees on a version and maps the memory.</summary>
    public DeviceClient(string path)
        : base(MemorySize)
    {
        Socket = UnixSocket.Connect(path);
        Socket.SetReceiveTimeout(Limits.Reply);
        Socket.SetSendTimeout(Limits.Reply);
        Call(RawCommand.Version, RawPayload.Version(0, 0, RawPayload.Capabilities));
        MapMemory();
    }

    public UnixSocket Socket { get; }

    public static byte[] ReadRequest(uint region, ulong offset) =>
        RawMessage.Build(1, RawCommand.RegionRead, RawPayload.RegionAccess(region, offset, sizeof(uint)));

    public static byte[] WriteRequest(uint region, ulong offset, uint value, bool posted = false) => RawMessage.Build(
        1,
        RawCommand.RegionWrite,
        RawPayload.RegionAccess(region, offset, sizeof(uint), BitConverter.GetBytes(value)),
        posted ? RawMessage.NoReplyFlag : 0);

    public override void Dispose()
    {
        Socket.Dispose();
        base.Dispose();
    }

    protected sealed override ReadOnlySpan<byte> Call(
        ushort command, ReadOnlySpan<byte> payload, params ReadOnlySpan<FileDescriptor> descriptors)
    {
        Span<int> numbers = stackalloc int[descriptors.Length];
        for (int i = 0; i < numbers.Length; i++)
        {
            numbers[i] = descriptors[i].Number;
        }

        Errno error = Socket.Send(RawMessage.Build(1, command, payload), numbers);
        int received = 0;
        if (error == Errno.None)
        {
            error = Socket.Receive(_received, _descriptors, out _, out received);
        }

        Span<byte> reply = _received.AsSpan(0, received);
        if (error == Errno.None)
        {
            // The server sends each reply in one piece.
            error = received < RawMessage.HeaderSize || BitConverter.ToUInt32(reply[4..]) != received
                ? Errno.EPROTO
                : (Errno)BitConverter.ToInt32(reply[12..]);
        }

        return error == Errno.None
            ? reply[RawMessage.HeaderSize..]
            : throw new LinuxException($"carry out vfio-user command {command}", error);
    }
}
