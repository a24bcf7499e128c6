using System.Buffers.Binary;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie.ConfigurationSpace;
using EpfTest.Protocol.VfioUser;

namespace EpfTest.Guests;

/// <summary>
/// A PCI device that copies guest memory, on a thread of its own. BAR0: source (0), destination (4), bytes (8), whose
/// write starts the copy; status (12): 1 while it is busy, then 0 or an error number.
/// </summary>
internal sealed class CopyDevice : IVfioUserDevice, IDisposable
{
    public const ushort DeviceId = 0xe9c1;

    private const int BarSize = 4096;
    private const int Length = 8;
    private const uint Busy = 1;

    private readonly ConfigSpace _config;
    private readonly uint[] _registers = new uint[4];
    private readonly DeviceRegion[] _regions = new DeviceRegion[RegionIndex.Count];
    private IVfioUserClient _client = null!;
    private Thread? _copy;

    public CopyDevice()
    {
        _config = new ConfigSpace(new ConfigSpaceHeader { VendorId = 0x1234, DeviceId = DeviceId, BaseClass = 0xff });
        _config.AddBar(0, new BarSpec(BarKind.Memory32, BarSize));
        _config.AddPciExpress();
        Array.Fill(_regions, DeviceRegion.Absent);
        _regions[0] = new DeviceRegion(BarSize);
        _regions[RegionIndex.Config] = new DeviceRegion(4096);
    }

    public IReadOnlyList<DeviceRegion> Regions => _regions;

    public IReadOnlyList<int> IrqCounts { get; } = [0, 0, 0, 1, 1];

    /// <summary>How the memory was reached that was copied from.</summary>
    public DmaBacking? Backing { get; private set; }

    public void Attach(IVfioUserClient client) => _client = client;

    public Errno ReadRegion(int region, ulong offset, Span<byte> data)
    {
        data.Clear();
        if (region == RegionIndex.Config)
        {
            _config.Read((int)offset, data);
        }
        else if (offset / 4 < (ulong)_registers.Length && data.Length == 4)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(data, Volatile.Read(ref _registers[offset / 4]));
        }

        return Errno.None;
    }

    public Errno WriteRegion(int region, ulong offset, ReadOnlySpan<byte> data)
    {
        if (region == RegionIndex.Config)
        {
            _config.Write((int)offset, data);
        }
        else if (offset / 4 < (ulong)_registers.Length && data.Length == 4)
        {
            _registers[offset / 4] = BinaryPrimitives.ReadUInt32LittleEndian(data);
            if (offset == Length)
            {
                Copy(_registers[0], _registers[1], (int)_registers[2]);
            }
        }

        return Errno.None;
    }

    public void Reset() => _config.Reset(ResetKind.Hot);

    public void Dispose() => _copy?.Join();

    private void Copy(ulong source, ulong destination, int length)
    {
        Backing = _client.Memory.Ranges.Find(source)?.Backing ?? Backing;

        _registers[3] = Busy;
        _copy = new Thread(() =>
        {
            byte[] buffer = new byte[length];
            Errno error = _client.Memory.Read(source, buffer);
            if (error == Errno.None)
            {
                error = _client.Memory.Write(destination, buffer);
            }

            Volatile.Write(ref _registers[3], error == Errno.EPERM ? uint.MaxValue : (uint)error);
        });
        _copy.Start();
    }
}
