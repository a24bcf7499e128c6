using System.Collections.Concurrent;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.VfioUser;

namespace EpfTest.Kit.VfioUser;

/// <summary>
/// A device whose regions are plain memory. It records what is called, and lets a test act inside a call, on the
/// server's thread.
/// </summary>
internal sealed class TestDevice : IVfioUserDevice, IDisposable
{
    public const int Small = 0;
    public const int Absent = 1;
    public const int Mappable = 2;
    public const int ReadOnlyInfo = 3;
    public const int Large = 4;
    public const int SmallSize = 0x1000;
    public const int MappableSize = 0x8000;
    public const int MappableFileOffset = 0x8000;
    public const int LargeSize = 2 << 20;

    private readonly byte[]?[] _contents = new byte[]?[RegionIndex.Count];

    public TestDevice()
    {
        DeviceRegion[] regions = Enumerable.Repeat(DeviceRegion.Absent, RegionIndex.Count).ToArray();
        regions[Small] = new DeviceRegion(SmallSize);
        regions[Mappable] = new DeviceRegion(
            MappableSize,
            File: MappableFile.Descriptor,
            FileOffset: MappableFileOffset,
            MmapAreas: [new MmapArea(0x2000, 0x1000), new MmapArea(0x4000, 0x2000)]);
        regions[ReadOnlyInfo] = new DeviceRegion(SmallSize, RegionFlags.Read);
        regions[Large] = new DeviceRegion(LargeSize);
        regions[RegionIndex.Config] = new DeviceRegion(SmallSize);
        Regions = regions;
        for (int index = 0; index < regions.Length; index++)
        {
            _contents[index] = new byte[regions[index].Size];
        }
    }

    public Memfd MappableFile { get; } = Memfd.Create(MappableFileOffset + MappableSize);

    public IReadOnlyList<DeviceRegion> Regions { get; }

    public IReadOnlyList<int> IrqCounts { get; } = [1, 32, 2048, 1, 1];

    /// <summary>Everything that was called but reads, in order.</summary>
    public ConcurrentQueue<string> Calls { get; } = [];

    /// <summary>Runs inside each read of a region; its result is the read's.</summary>
    public Func<Errno>? OnRead { get; set; }

    /// <summary>Runs inside each write to a region; its result is the write's.</summary>
    public Func<Errno>? OnWrite { get; set; }

    /// <summary>Runs inside each other call.</summary>
    public Action<string>? OnCall { get; set; }

    public byte[] Contents(int region) => _contents[region]!;

    public void Attach(IVfioUserClient client) => Record("attach");

    public void ClientConnected() => Record("connected");

    public void ClientDisconnected() => Record("disconnected");

    public Errno ReadRegion(int region, ulong offset, Span<byte> data)
    {
        _contents[region].AsSpan((int)offset, data.Length).CopyTo(data);
        return OnRead?.Invoke() ?? Errno.None;
    }

    public Errno WriteRegion(int region, ulong offset, ReadOnlySpan<byte> data)
    {
        Calls.Enqueue($"write {region} 0x{offset:x} {data.Length}");
        data.CopyTo(_contents[region].AsSpan((int)offset));
        return OnWrite?.Invoke() ?? Errno.None;
    }

    public void Reset() => Record("reset");

    public void DmaMapped(DmaRange range) => Record($"mapped {range}");

    public void DmaUnmapping(ReadOnlySpan<DmaRange> ranges)
    {
        foreach (DmaRange range in ranges)
        {
            Record($"unmapping {range}");
        }
    }

    public void Dispose() => MappableFile.Dispose();

    private void Record(string call)
    {
        Calls.Enqueue(call);
        OnCall?.Invoke(call);
    }
}
