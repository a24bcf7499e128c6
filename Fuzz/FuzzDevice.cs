using EpfTest.Kit;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.VfioUser;

namespace EpfTest.Fuzz;

/// <summary>
/// A device with regions of each kind. One is a small DMA engine: a write of an address (8 bytes) makes it read and
/// write the client's memory there, and then send an interrupt.
/// </summary>
internal sealed class FuzzDevice : IVfioUserDevice, IDisposable
{
    private const int Engine = 0;
    private const int Mappable = 2;
    private const int ReadOnly = 3;
    private const int WriteOnly = 4;
    private const int Size = 0x1000;
    private const int MappableSize = 0x4000;
    private const int Vectors = 64;

    private readonly Memfd _file = Memfd.Create(MappableSize);
    private readonly byte[] _contents = new byte[MappableSize];
    private IVfioUserClient? _client;

    public FuzzDevice()
    {
        DeviceRegion[] regions = [.. Enumerable.Repeat(DeviceRegion.Absent, RegionIndex.Count)];
        regions[Engine] = new DeviceRegion(Size);
        regions[Mappable] = new DeviceRegion(
            MappableSize, File: _file.Descriptor, MmapAreas: [new MmapArea(0, 0x1000), new MmapArea(0x2000, 0x1000)]);
        regions[ReadOnly] = new DeviceRegion(Size, RegionFlags.Read);
        regions[WriteOnly] = new DeviceRegion(Size, RegionFlags.Write);
        regions[RegionIndex.Config] = new DeviceRegion(Size);
        Regions = regions;
    }

    public IReadOnlyList<DeviceRegion> Regions { get; }

    public IReadOnlyList<int> IrqCounts { get; } = [1, 32, Vectors, 1, 1];

    public void Attach(IVfioUserClient client) => _client = client;

    public Errno ReadRegion(int region, ulong offset, Span<byte> data)
    {
        Check(region, RegionFlags.Read, offset, data.Length);
        _contents.AsSpan((int)offset, data.Length).CopyTo(data);
        return Errno.None;
    }

    public Errno WriteRegion(int region, ulong offset, ReadOnlySpan<byte> data)
    {
        Check(region, RegionFlags.Write, offset, data.Length);
        if (region != Engine || data.Length < sizeof(ulong))
        {
            data.CopyTo(_contents.AsSpan((int)offset));
            return Errno.None;
        }

        ulong address = BitConverter.ToUInt64(data);
        Span<byte> buffer = stackalloc byte[(int)Math.Min(offset, 256)];
        ulong next = address + 1;
        if (!_client!.Memory.WaitsForClient(address, buffer.Length)
            && !_client.Memory.WaitsForClient(next, buffer.Length))
        {
            _client.Memory.Read(address, buffer);
            _client.Memory.Write(next, buffer);
        }

        _client.Interrupts.Trigger(IrqIndex.Msix, (int)(offset % Vectors));
        _client.Interrupts.SetIntx(offset % 2 == 0);
        return Errno.None;
    }

    public void Reset()
    {
    }

    public void Dispose() => _file.Dispose();

    private void Check(int region, RegionFlags flags, ulong offset, int length)
    {
        if (length == 0
            || offset > Regions[region].Size
            || (ulong)length > Regions[region].Size - offset
            || (Regions[region].Flags & flags) == 0)
        {
            throw new FindingException($"an access of {length} bytes at 0x{offset:x} reached region {region}");
        }
    }
}
