using System.Buffers.Binary;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.Kit.VfioUser;

/// <summary>A guest and its QEMU as a device sees them: a vfio-user client with shared memory at bus address
/// 0.</summary>
internal abstract class VfioUserClient(int memorySize) : IDisposable
{
    protected const uint ConfigRegion = 7;

    private const int DataOffset = 16;

    /// <summary>The shared memory.</summary>
    public Memfd Memory { get; } = Memfd.Create(memorySize);

    public void MapMemory() => Map(0, (ulong)memorySize, 0);

    /// <summary>Maps a part of the memory file as several ranges, as QEMU does with an IOMMU in the guest.</summary>
    public void Map(ulong address, ulong size, ulong fileOffset, int ranges)
    {
        ulong part = size / (ulong)ranges;
        for (ulong offset = 0; offset < size; offset += part)
        {
            Map(address + offset, part, fileOffset + offset);
        }
    }

    /// <summary>Maps a part of the memory file.</summary>
    public void Map(ulong address, ulong size, ulong fileOffset) =>
        Call(RawCommand.DmaMap, RawPayload.DmaMap(address, size, fileOffset), Memory.Descriptor);

    /// <summary>Maps another file, from its start.</summary>
    public void MapFile(
        FileDescriptor file, ulong address, ulong size, uint flags = RawPayload.Readable | RawPayload.Writable) =>
        Call(RawCommand.DmaMap, RawPayload.DmaMap(address, size, flags: flags), file);

    public void Unmap(ulong address, ulong size) => Call(RawCommand.DmaUnmap, RawPayload.DmaUnmap(address, size));

    public void ResetDevice() => Call(RawCommand.Reset, []);

    public byte[] Read(uint region, ulong offset, int length) => ReadRegion(region, offset, length).ToArray();

    public void Write(uint region, ulong offset, ReadOnlySpan<byte> data) =>
        Call(RawCommand.RegionWrite, RawPayload.RegionAccess(region, offset, (uint)data.Length, data));

    public uint Read32(uint region, ulong offset) =>
        BinaryPrimitives.ReadUInt32LittleEndian(ReadRegion(region, offset, sizeof(uint)));

    public void Write32(uint region, ulong offset, uint value) => Write(region, offset, BitConverter.GetBytes(value));

    public uint ReadConfig(ulong offset) => Read32(ConfigRegion, offset);

    public void WriteConfig(ulong offset, uint value) => Write32(ConfigRegion, offset, value);

    public void WriteConfig16(ulong offset, ushort value) => Write(ConfigRegion, offset, BitConverter.GetBytes(value));

    /// <returns>The capability's offset, 0 where there is none.</returns>
    public uint FindCapability(byte id) =>
        (uint)CapabilityList.Find(ReadRegion(ConfigRegion, 0, PciRegister.FirstExtendedCapability), id);

    /// <summary>Sets vectors' eventfds, as many a message as QEMU does.</summary>
    public void SetEventFds(uint index, uint flags, params IReadOnlyList<EventFd> signals)
    {
        for (int start = 0; start < signals.Count; start += 16)
        {
            EventFd[] some = [.. signals.Skip(start).Take(16)];
            byte[] payload = RawPayload.IrqSet(index, RawIrq.EventFd | flags, (uint)start, (uint)some.Length);
            Call(RawCommand.SetIrqs, payload, some);
        }
    }

    /// <summary>Sets the eventfd of one vector.</summary>
    public void SetEventFd(uint index, uint vector, EventFd signal) =>
        Call(RawCommand.SetIrqs, RawPayload.IrqSet(index, RawIrq.EventFd | RawIrq.Trigger, vector, 1), signal);

    /// <summary>Masks or unmasks one vector.</summary>
    public void SetMask(uint index, uint vector, bool masked) => Call(
        RawCommand.SetIrqs,
        RawPayload.IrqSet(index, RawIrq.None | (masked ? RawIrq.Mask : RawIrq.Unmask), vector, 1));

    /// <summary>Removes all eventfds of a type.</summary>
    public void Disable(uint index) =>
        Call(RawCommand.SetIrqs, RawPayload.IrqSet(index, RawIrq.None | RawIrq.Trigger, 0, 0));

    public virtual void Dispose()
    {
        Memory.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Sends a command that must succeed.</summary>
    /// <returns>The reply's payload, valid until the next call.</returns>
    protected abstract ReadOnlySpan<byte> Call(
        ushort command, ReadOnlySpan<byte> payload, params ReadOnlySpan<FileDescriptor> descriptors);

    private ReadOnlySpan<byte> ReadRegion(uint region, ulong offset, int length) =>
        Call(RawCommand.RegionRead, RawPayload.RegionAccess(region, offset, (uint)length))[DataOffset..];
}
