using System.Buffers.Binary;
using EpfTest.Bench.Machine;
using EpfTest.Kit;
using EpfTest.Kit.VfioUser;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.Bench.Guests;

/// <summary>
/// A guest and its QEMU as one of our processes sees them: a vfio-user client with shared memory at bus address 0, one
/// send and one receive for each command. For one thread.
/// </summary>
internal class DeviceClient : IDisposable
{
    /// <summary>Bytes of memory.</summary>
    public const int MemorySize = 64 << 20;

    /// <summary>Bytes of a read's request, and of one of 4 bytes' reply.</summary>
    public const int ReadRequestSize = 32;

    /// <inheritdoc cref="ReadRequestSize"/>
    public const int ReadReplySize = 36;

    /// <summary>Bytes of a request to write 4 bytes, and of its reply.</summary>
    public const int WriteRequestSize = 36;

    /// <inheritdoc cref="WriteRequestSize"/>
    public const int WriteReplySize = 32;

    private const uint ConfigRegion = 7;

    private readonly byte[] _received = new byte[64 << 10];
    private readonly int[] _descriptors = new int[UnixSocket.MaxDescriptors];

    /// <summary>Connects, agrees on a version and maps the memory.</summary>
    public DeviceClient(string path)
    {
        Memory = Memfd.Create(MemorySize);
        Socket = UnixSocket.Connect(path);
        Socket.SetReceiveTimeout(Limits.Reply);
        Socket.SetSendTimeout(Limits.Reply);
        Call(RawCommand.Version, RawPayload.Version(0, 0, """{"capabilities":{"max_msg_fds":16}}"""));
        Call(RawCommand.DmaMap, RawPayload.DmaMap(0, MemorySize), Memory.Descriptor);
    }

    /// <summary>The connection.</summary>
    public UnixSocket Socket { get; }

    /// <summary>The guest's memory, at bus address 0.</summary>
    public Memfd Memory { get; }

    /// <summary>A request to read 4 bytes.</summary>
    public static byte[] ReadRequest(uint region, ulong offset) =>
        RawMessage.Build(1, RawCommand.RegionRead, RawPayload.RegionAccess(region, offset, sizeof(uint)));

    /// <summary>A request to write 4 bytes.</summary>
    public static byte[] WriteRequest(uint region, ulong offset, uint value, bool posted = false) => RawMessage.Build(
        1,
        RawCommand.RegionWrite,
        RawPayload.RegionAccess(region, offset, sizeof(uint), BitConverter.GetBytes(value)),
        posted ? RawMessage.NoReplyFlag : 0);

    /// <summary>Reads 4 bytes of a region.</summary>
    public uint Read32(uint region, ulong offset) => BinaryPrimitives.ReadUInt32LittleEndian(
        Call(RawCommand.RegionRead, RawPayload.RegionAccess(region, offset, sizeof(uint)))[ReadRequestSize..]);

    /// <summary>Writes 4 bytes of a region, or 8.</summary>
    public void Write(uint region, ulong offset, ReadOnlySpan<byte> data) =>
        Call(RawCommand.RegionWrite, RawPayload.RegionAccess(region, offset, (uint)data.Length, data));

    /// <summary>Reads a configuration register.</summary>
    public uint ReadConfig(ulong offset) => Read32(ConfigRegion, offset);

    /// <summary>Reads all of the configuration space with one request, as QEMU does when it connects.</summary>
    public ReadOnlySpan<byte> ReadConfiguration() =>
        Call(RawCommand.RegionRead, RawPayload.RegionAccess(ConfigRegion, 0, PciRegister.SpaceSize))[ReadRequestSize..];

    /// <summary>Writes a configuration register of 4 bytes.</summary>
    public void WriteConfig(ulong offset, uint value) => Write(ConfigRegion, offset, BitConverter.GetBytes(value));

    /// <summary>Writes a configuration register of 2 bytes.</summary>
    public void WriteConfig(ulong offset, ushort value) => Write(ConfigRegion, offset, BitConverter.GetBytes(value));

    /// <summary>Sets the eventfd of one MSI-X vector.</summary>
    public void SetMsixSignal(int vector, EventFd signal) => Call(
        RawCommand.SetIrqs,
        RawPayload.IrqSet(RawIrq.Msix, RawIrq.EventFd | RawIrq.Trigger, (uint)vector, 1),
        signal);

    /// <summary>Finds a capability.</summary>
    public uint FindCapability(byte id) => CapabilityList.Find(ReadConfiguration(), id) is not 0 and int offset
        ? (uint)offset
        : throw new InvalidOperationException($"the device has no capability 0x{id:x}");

    /// <inheritdoc/>
    public virtual void Dispose()
    {
        Socket.Dispose();
        Memory.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Sends a command and returns its reply.</summary>
    private ReadOnlySpan<byte> Call(
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

        return error == Errno.None ? reply : throw new LinuxException($"carry out vfio-user command {command}", error);
    }
}
