using EpfTest.Protocol.Hosting;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Link.Messages;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.ConfigurationSpace;
using EpfTest.Protocol.Pcie.Tlp;
using EpfTest.Protocol.VfioUser;
using Microsoft.Extensions.Logging;

namespace EpfTest.EpfBridge;

/// <summary>
/// A function of the endpoint as the host sees it: what QEMU asks becomes TLPs to EpcDevice, or, where it passed the
/// memory behind a BAR, an access to that; TLPs from there become accesses to the host's memory and interrupts.
/// </summary>
/// <remarks>
/// The vfio-user thread of the function calls the device's side, the link's receiving thread the link's side; that one
/// hands to its slow path what takes the host's QEMU. A direct access that follows a write that went as a TLP first reads nothing
/// from there (a flush), so that it does not pass it. While the endpoint reads the host's memory directly, and where a
/// BAR leads to memory that the EP guest's QEMU does not share, such a write itself waits for that: the endpoint could see
/// what the host does next.
/// </remarks>
internal sealed partial class EndpointFunction : IVfioUserDevice, ISignalLessee, IReadHolder, IDisposable
{
    private const int MaxReadRequest = 512;

    /// <summary>The host's requester and completer ID.</summary>
    public static readonly Bdf RootComplex = new(0, 0, 0);

    private readonly LinkConnection _link;
    private readonly ushort _number;
    private readonly FunctionMessage _description;
    private readonly ILogger _logger;
    private readonly bool _hidesMsix;
    private readonly BurstLog _timeouts;
    private readonly ulong[] _barAddresses;
    private readonly bool[] _barsEnabled;
    private readonly bool[] _barsAwaited;
    private readonly RangeTable[] _inbound;
    private readonly DeviceRegion[] _regions = new DeviceRegion[RegionIndex.Count];

    // Whether a BAR is mapped by the host's QEMU or forgotten is decided under this lock.
    private readonly Lock _mapLock = new();
    private readonly bool[] _isMapped;
    private readonly byte[] _configAtLinkUp = new byte[PciRegister.SpaceSize];
    private IVfioUserClient? _client;
    private volatile bool _isPresent;
    private volatile bool _isRetired;

    // Whether the serving thread may be using the link.
    private volatile bool _isOnLink;
    private bool _mustFlush;
    private int _sharedRanges;
    private ulong _lastPosted;

    public EndpointFunction(LinkConnection link, ushort number, FunctionMessage description, ILogger logger, bool hidesMsix = false)
    {
        _link = link;
        _number = number;
        _description = description;
        _logger = logger;
        _hidesMsix = hidesMsix;
        _timeouts = new BurstLog(logger);
        _slowPath = new SlowPath((in TlpHeader header, ReadOnlySpan<byte> payload) => CarryOut(header, payload, onSlowPath: true));
        _barAddresses = [.. description.Bars.Select(bar => bar.Address)];
        _barsEnabled = new bool[description.Bars.Count];
        _barsAwaited = new bool[description.Bars.Count];
        _isMapped = new bool[description.Bars.Count];
        _inbound = [.. description.Bars.Select(_ => new RangeTable())];
        Array.Fill(_regions, DeviceRegion.Absent);
        for (int bar = 0; bar < description.Bars.Count; bar++)
        {
            if (description.Bars[bar].Size > 0)
            {
                _regions[bar] = new DeviceRegion(description.Bars[bar].Size);
            }
        }

        _regions[RegionIndex.Config] = new DeviceRegion(PciRegister.SpaceSize);
        IrqCounts = [description.InterruptPin > 0 ? 1 : 0, description.MsiVectors, hidesMsix ? 0 : description.MsixVectors, 1, 1];
    }

    /// <summary>Whether the EP side has set this function up.</summary>
    public bool Exists => _description.Present;

    /// <summary>
    /// Whether the link has gone down under it: then the host reads all ones and its writes are dropped, for as long as its
    /// QEMU has the device.
    /// </summary>
    public bool IsRetired => _isRetired;

    /// <inheritdoc/>
    public IReadOnlyList<DeviceRegion> Regions => _regions;

    /// <inheritdoc/>
    public IReadOnlyList<int> IrqCounts { get; }

    private bool IsDirect => (_link.Capabilities & LinkCapabilities.Direct) != 0;

    /// <summary>Whether EpcDevice knows a range: what it may reach itself, and what takes a QEMU to reach.</summary>
    private bool IsTold(DmaRange range) => IsDirect || range.Backing == DmaBacking.Messages;

    private Bdf Target => new(1, _number / 8, _number % 8);

    /// <inheritdoc/>
    public void Attach(IVfioUserClient client)
    {
        _client = client;
        if ((_link.Capabilities & LinkCapabilities.Interrupts) != 0)
        {
            client.Interrupts.LeaseTo(this);
        }
    }

    /// <inheritdoc/>
    public void ClientConnected()
    {
        if (_link.Capabilities.HasFlag(LinkCapabilities.MapBars) && BeginOnLink())
        {
            OfferBars();
            EndOnLink();
        }
    }

    /// <summary>The link is up: the host may come.</summary>
    public void Present() => _isPresent = true;

    /// <summary>The same, once it is known what QEMU is to see of a function that goes while it connects.</summary>
    /// <returns>False where the link does not answer: then the function is not to be served.</returns>
    public bool TryPresent()
    {
        // Without what is extended, for which there would be many more reads: QEMU then sees a function that has none of it.
        _isPresent = ReadConfig(0, _configAtLinkUp.AsSpan(0, PciRegister.FirstExtendedCapability)) == RequestStatus.Success;
        if (!_isPresent)
        {
            _logger.LogWarning("function {Function} is not served: its configuration space cannot be read", _number);
        }

        return _isPresent;
    }

    /// <summary>The link is down, or about to end: nothing of the host's goes there any more.</summary>
    public void Disappear() => _isPresent = false;

    /// <summary>The same, for good: on return nothing of the host's is under way there, or in memory of the EP guest.</summary>
    public void Retire()
    {
        _isRetired = true;
        _isPresent = false;

        // After this, the serving thread sees the above before it begins anything, or we see below what it has begun.
        Interlocked.MemoryBarrierProcessWide();
        var spin = new SpinWait();
        while (_isOnLink)
        {
            // An access waits for the link, which has its own limit.
            spin.SpinOnce();
        }

        // EpcDevice forgets all that it has, and must not be given more after that.
        _client?.Interrupts.LeaseTo(null);
        for (int bar = 0; bar < _inbound.Length; bar++)
        {
            InvalidateInbound(bar);
        }

        _slowPath.Dispose();
    }

    /// <inheritdoc/>
    public void ClientDisconnected()
    {
        // One that we hung up on still has them. While the link goes down it may have left just before.
        if (_client!.HasLeft)
        {
            WithdrawBars();
        }

        if (BeginOnLink())
        {
            ResetFunction();
            EndOnLink();
        }
    }

    /// <inheritdoc/>
    public void DmaMapped(DmaRange range)
    {
        if (IsTold(range) && BeginOnLink())
        {
            Span<byte> message = stackalloc byte[MemoryMessage.Length];
            new MemoryMessage(range.Access, range.Address, range.Size, range.FileOffset).Write(message);
            _sharedRanges += range.File is null ? 0 : 1;
            _link.SendControl(FrameKind.MemoryAdd, _number, message, range.File?.Descriptor);
            EndOnLink();
        }
    }

    /// <inheritdoc/>
    public void DmaUnmapping(ReadOnlySpan<DmaRange> ranges)
    {
        // Once the link is down EpcDevice has forgotten the host, and these may be ranges of its next device.
        if (!BeginOnLink())
        {
            return;
        }

        bool isAll = ranges.Length == _client!.Memory.Count;
        bool isAnyTold = false;
        foreach (DmaRange range in ranges)
        {
            isAnyTold |= IsTold(range);
            _sharedRanges -= IsTold(range) && range.File is not null ? 1 : 0;
        }

        if (isAll)
        {
            Order(FrameKind.MemoryInvalidateAll, 0);
        }
        else if (isAnyTold)
        {
            DmaRange last = ranges[^1];
            ulong size = last.Address + last.Size - ranges[0].Address;
            Span<byte> message = stackalloc byte[MemoryMessage.Length];
            new MemoryMessage(DmaAccess.None, ranges[0].Address, size, 0).Write(message);
            _link.Order(FrameKind.MemoryInvalidate, _number, message);
        }

        EndOnLink();
    }

    /// <inheritdoc/>
    public void Reset()
    {
        if (BeginOnLink())
        {
            _logger.LogInformation("function {Function}: reset by the host", _number);
            ResetFunction();
            EndOnLink();
        }
    }

    private void ResetFunction()
    {
        // As a secondary bus reset does.
        Order(FrameKind.FunctionReset, (int)ResetKind.Hot);

        // All that the function has asked before has been received by now.
        CancelRequests();
        _config.Reset();
    }

    /// <inheritdoc/>
    public Errno ReadRegion(int region, ulong offset, Span<byte> data)
    {
        RequestStatus error = RequestStatus.LinkDown;
        if (BeginOnLink())
        {
            error = region == RegionIndex.Config ? ReadConfig((int)offset, data) : ReadBar(region, offset, data);
            EndOnLink();
        }

        // Only QEMU itself reads all of it, while it realizes the device.
        bool isRealize = region == RegionIndex.Config && data.Length == PciRegister.SpaceSize;
        if (error != RequestStatus.Success)
        {
            LogFailure("host read", region, offset, error);
            if (isRealize)
            {
                // In all ones it looks for capabilities for ever, and it can crash where it is refused
                // (vfio_pci_config_setup() in hw/vfio/pci.c).
                _configAtLinkUp.CopyTo(data);
            }
            else
            {
                // What a root complex gives the host for Unsupported Request and for a completion time-out.
                data.Fill(byte.MaxValue);
            }
        }

        if (isRealize && _hidesMsix)
        {
            // QEMU keeps the list of capabilities as it is now.
            CapabilityList.Unlink(data, PciRegister.MsixId);
        }

        return Errno.None;
    }

    /// <inheritdoc/>
    public Errno WriteRegion(int region, ulong offset, ReadOnlySpan<byte> data)
    {
        RequestStatus error = RequestStatus.LinkDown;
        if (BeginOnLink())
        {
            error = region == RegionIndex.Config ? WriteConfig((int)offset, data) : WriteBar(region, offset, data);
            EndOnLink();
        }

        if (error != RequestStatus.Success)
        {
            LogFailure("host write", region, offset, error);
        }

        return Errno.None;
    }

    public void Dispose()
    {
        _slowPath.Dispose();
        foreach (RangeTable table in _inbound)
        {
            table.Dispose();
        }
    }

    /// <summary>To be called by the serving thread before it uses the link or memory of the EP guest.</summary>
    /// <returns>False where the link is down; else <see cref="EndOnLink"/> has to follow.</returns>
    private bool BeginOnLink()
    {
        _isOnLink = true;
        if (_isPresent)
        {
            return true;
        }

        _isOnLink = false;
        return false;
    }

    private void EndOnLink() => _isOnLink = false;

    private void LogFailure(string what, int region, ulong offset, RequestStatus error)
    {
        if (error == RequestStatus.CompletionTimeout)
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

    private RequestStatus ReadBar(int bar, ulong offset, Span<byte> data)
    {
        if (_inbound[bar].Count > 0 && Volatile.Read(ref _barsEnabled[bar]))
        {
            Flush();
            if (_inbound[bar].Read(offset, data) == Errno.None)
            {
                return RequestStatus.Success;
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
            RequestStatus error = _link.Requester.ReadIo(_number, RootComplex, (uint)address, data[..length]);
            if (error != RequestStatus.Success)
            {
                return error;
            }

            data = data[length..];
            address += (ulong)length;
        }

        return RequestStatus.Success;
    }

    private RequestStatus WriteBar(int bar, ulong offset, ReadOnlySpan<byte> data)
    {
        if (_inbound[bar].Count > 0 && Volatile.Read(ref _barsEnabled[bar]))
        {
            Flush();
            if (_inbound[bar].Write(offset, data) == Errno.None)
            {
                return RequestStatus.Success;
            }
        }

        ulong address = Volatile.Read(ref _barAddresses[bar]) + offset;
        if (!IsIo(bar))
        {
            RequestStatus error = _link.Requester.WriteMemory(_number, RootComplex, address, data, _config.MaxPayload);
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
            RequestStatus error = _link.Requester.WriteIo(_number, RootComplex, (uint)address, data[..length]);
            if (error != RequestStatus.Success)
            {
                return error;
            }

            data = data[length..];
            address += (ulong)length;
        }

        return RequestStatus.Success;
    }

    private bool IsIo(int bar) => _description.Bars[bar].IsIo;

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
