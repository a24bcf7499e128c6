using EpfTest.Protocol.GuestMemory;
using EpfTest.Protocol.Hosting;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Link.Messages;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Tlp;
using EpfTest.Protocol.VfioUser;
using Microsoft.Extensions.Logging;

namespace EpfTest.EpfBridge;

/// <summary>
/// A function of the endpoint as the host sees it: what QEMU asks becomes TLPs to EpcDevice, or, where it passed the
/// memory behind a BAR, an access to that; TLPs from there become accesses to the host's memory and interrupts.
/// </summary>
/// <remarks>
/// The vfio-user thread of the function calls the device's side, the link's receiving thread the link's side; that one
/// hands to a lane what takes the host's QEMU. A direct access that follows a write that went as a TLP first reads nothing
/// from there (a flush), so that it does not pass it. While the endpoint reads the host's memory directly, and where a
/// BAR leads to memory that the EP guest's QEMU does not share, such a write itself waits for that: the endpoint could see
/// what the host does next.
/// </remarks>
internal sealed partial class EndpointFunction : IVfioUserDevice, IDisposable
{
    private const int ConfigSize = 4096;
    private const int CommandRegister = 4;
    private const byte BusMasterEnable = 1 << 2;
    private const int MaxReadRequest = 512;

    /// <summary>The host's requester and completer ID.</summary>
    public static readonly Bdf RootComplex = new(0, 0, 0);

    private readonly LinkConnection _link;
    private readonly ushort _number;
    private readonly FunctionMessage _description;
    private readonly ILogger _logger;
    private readonly BurstLog _timeouts;
    private readonly ulong[] _barAddresses;
    private readonly bool[] _barsEnabled;
    private readonly bool[] _barsAwaited;
    private readonly DmaTable[] _inbound;
    private readonly DeviceRegion[] _regions = new DeviceRegion[RegionIndex.Count];

    // Whether a BAR is mapped by the host's QEMU or forgotten is decided under this lock.
    private readonly Lock _mapLock = new();
    private readonly bool[] _isMapped;
    private IVfioUserClient? _client;
    private volatile bool _isPresent;
    private bool _mustFlush;
    private int _sharedRanges;
    private ulong _lastPosted;

    public EndpointFunction(LinkConnection link, ushort number, FunctionMessage description, ILogger logger)
    {
        _link = link;
        _number = number;
        _description = description;
        _logger = logger;
        _timeouts = new BurstLog(logger);
        _lane = new RequestLane((in TlpHeader header, ReadOnlySpan<byte> payload) => CarryOut(header, payload, onLane: true));
        _barAddresses = [.. description.Bars.Select(bar => bar.Address)];
        _barsEnabled = new bool[description.Bars.Count];
        _barsAwaited = new bool[description.Bars.Count];
        _isMapped = new bool[description.Bars.Count];
        _inbound = [.. description.Bars.Select(_ => new DmaTable(NoMessages.Instance))];
        Array.Fill(_regions, DeviceRegion.Absent);
        for (int bar = 0; bar < description.Bars.Count; bar++)
        {
            if (description.Bars[bar].Size > 0)
            {
                _regions[bar] = new DeviceRegion(description.Bars[bar].Size);
            }
        }

        _regions[RegionIndex.Config] = new DeviceRegion(ConfigSize);
        IrqCounts = [description.InterruptPin > 0 ? 1 : 0, description.MsiVectors, description.MsixVectors, 1, 1];
    }

    /// <summary>Whether the EP side has set this function up.</summary>
    public bool Exists => _description.Present;

    /// <summary>False once the link is down: the host then reads all ones.</summary>
    public bool IsPresent
    {
        get => _isPresent;
        set => _isPresent = value;
    }

    /// <inheritdoc/>
    public IReadOnlyList<DeviceRegion> Regions => _regions;

    /// <inheritdoc/>
    public IReadOnlyList<int> IrqCounts { get; }

    private bool IsDirect => (_link.Capabilities & LinkCapabilities.Direct) != 0;

    /// <summary>Whether EpcDevice knows a range: what it may reach itself, and what takes a QEMU to reach.</summary>
    private bool IsTold(DmaRange range) => IsDirect || range.Backing == DmaBacking.Messages;

    private Bdf Target => new(1, _number / 8, _number % 8);

    /// <inheritdoc/>
    public void Attach(IVfioUserClient client) => _client = client;

    /// <inheritdoc/>
    public void ClientConnected()
    {
        if (_link.Capabilities.HasFlag(LinkCapabilities.MapBars))
        {
            OfferBars();
        }
    }

    /// <inheritdoc/>
    public void ClientDisconnected()
    {
        // One that we hung up on still has them. While the link goes down it may have left just before.
        if (_client!.HasLeft)
        {
            WithdrawBars();
        }

        Reset();
    }

    /// <inheritdoc/>
    public void DmaMapped(DmaRange range)
    {
        if (IsTold(range))
        {
            Span<byte> message = stackalloc byte[MemoryMessage.Length];
            new MemoryMessage(range.Access, range.Address, range.Size, range.FileOffset).Write(message);
            _sharedRanges += range.File is null ? 0 : 1;
            _link.SendControl(FrameKind.MemoryAdd, _number, message, range.File?.Descriptor);
        }
    }

    /// <inheritdoc/>
    public void DmaUnmapping(DmaRange range)
    {
        if (IsTold(range))
        {
            Span<byte> message = stackalloc byte[MemoryMessage.Length];
            new MemoryMessage(range.Access, range.Address, range.Size, range.FileOffset).Write(message);
            _sharedRanges -= range.File is null ? 0 : 1;
            _link.Order(FrameKind.MemoryInvalidate, _number, message);
        }
    }

    /// <inheritdoc/>
    public void DmaUnmappingAll(ReadOnlySpan<DmaRange> ranges)
    {
        _sharedRanges = 0;
        Order(FrameKind.MemoryInvalidateAll, 0);
    }

    /// <inheritdoc/>
    public void Reset()
    {
        // ResetKind.Hot of the configuration space model: what a secondary bus reset does to a function.
        const int Hot = 1;
        Order(FrameKind.FunctionReset, Hot);

        // All that the function has asked before has been received by now.
        ForgetRequests();
        _maxPayload = TlpLimits.MinPayload;
    }

    /// <inheritdoc/>
    public Errno ReadRegion(int region, ulong offset, Span<byte> data)
    {
        Errno error = !_isPresent
            ? Errno.ENOTCONN
            : region == RegionIndex.Config ? ReadConfig((int)offset, data) : ReadBar(region, offset, data);
        if (error != Errno.None)
        {
            // What a root complex gives the host for Unsupported Request and for a completion time-out.
            data.Fill(byte.MaxValue);
            LogFailure("host read", region, offset, error);
        }

        return Errno.None;
    }

    /// <inheritdoc/>
    public Errno WriteRegion(int region, ulong offset, ReadOnlySpan<byte> data)
    {
        Errno error = !_isPresent
            ? Errno.ENOTCONN
            : region == RegionIndex.Config ? WriteConfig((int)offset, data) : WriteBar(region, offset, data);
        if (error != Errno.None)
        {
            LogFailure("host write", region, offset, error);
        }

        return Errno.None;
    }

    public void Dispose()
    {
        _lane.Dispose();
        foreach (DmaTable table in _inbound)
        {
            table.Dispose();
        }
    }

    private void LogFailure(string what, int region, ulong offset, Errno error)
    {
        if (error == Errno.ETIMEDOUT)
        {
            _timeouts.Report($"{what} of region {region}", offset, error);
        }
        else if (_logger.IsEnabled(LogLevel.Debug))
        {
            _logger.LogDebug(
                "function {Function}: {What} of region {Region} at 0x{Offset:x}: {Error}", _number, what, region, offset, error);
        }
    }

    private void Order(FrameKind kind, int number)
    {
        Span<byte> order = stackalloc byte[OrderMessage.Length];
        OrderMessage.Write(order, number);
        _link.Order(kind, _number, order);
    }

    private Errno ReadBar(int bar, ulong offset, Span<byte> data)
    {
        if (_inbound[bar].Count > 0 && Volatile.Read(ref _barsEnabled[bar]))
        {
            Flush();
            if (_inbound[bar].Read(offset, data) == Errno.None)
            {
                return Errno.None;
            }
        }

        ulong address = Volatile.Read(ref _barAddresses[bar]) + offset;
        if (!IsIo(bar))
        {
            return _link.Requester.ReadMemory(_number, RootComplex, address, data, MaxReadRequest);
        }

        while (!data.IsEmpty)
        {
            int length = Math.Min(data.Length, TlpLimits.Dw - (int)(address % TlpLimits.Dw));
            Errno error = _link.Requester.ReadIo(_number, RootComplex, (uint)address, data[..length]);
            if (error != Errno.None)
            {
                return error;
            }

            data = data[length..];
            address += (ulong)length;
        }

        return Errno.None;
    }

    private Errno WriteBar(int bar, ulong offset, ReadOnlySpan<byte> data)
    {
        if (_inbound[bar].Count > 0 && Volatile.Read(ref _barsEnabled[bar]))
        {
            Flush();
            if (_inbound[bar].Write(offset, data) == Errno.None)
            {
                return Errno.None;
            }
        }

        ulong address = Volatile.Read(ref _barAddresses[bar]) + offset;
        if (!IsIo(bar))
        {
            Errno error = _link.Requester.WriteMemory(_number, RootComplex, address, data, _maxPayload);
            _lastPosted = address;
            _mustFlush = true;
            if (_sharedRanges > 0 || Volatile.Read(ref _barsAwaited[bar]))
            {
                Flush();
            }

            return error;
        }

        while (!data.IsEmpty)
        {
            int length = Math.Min(data.Length, TlpLimits.Dw - (int)(address % TlpLimits.Dw));
            Errno error = _link.Requester.WriteIo(_number, RootComplex, (uint)address, data[..length]);
            if (error != Errno.None)
            {
                return error;
            }

            data = data[length..];
            address += (ulong)length;
        }

        return Errno.None;
    }

    // Not HasFlag(), which allocates where code is not optimised.
    private bool IsIo(int bar) => (_description.Bars[bar].Flags & BarFlags.Io) != 0;

    /// <summary>Awaits writes that went as TLPs: a direct access may not pass them.</summary>
    private void Flush()
    {
        if (_mustFlush)
        {
            _mustFlush = false;
            _link.Requester.ReadMemory(_number, RootComplex, _lastPosted, [], MaxReadRequest);
        }
    }
}
