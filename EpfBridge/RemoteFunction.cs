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
/// A function of the endpoint as the host's QEMU sees it: its accesses become TLPs to EpcDevice, or accesses to shared
/// memory of the EP guest.
/// </summary>
/// <remarks>
/// The function's vfio-user thread (the serving thread) calls the members of <see cref="IVfioUserDevice"/>; the
/// receiving thread calls the others. An access begins with <see cref="BeginOnLink"/>, so that <see cref="Retire"/> can
/// wait for it.
/// </remarks>
internal sealed class RemoteFunction : IVfioUserDevice, ISignalLessee, IDisposable
{
    /// <summary>The host's requester and completer ID.</summary>
    public static readonly Bdf RootComplex = new(0, 0, 0);

    private readonly LinkConnection _link;
    private readonly ILogger _logger;
    private readonly bool _hidesMsix;
    private readonly BurstLog _timeouts;
    private readonly Bar[] _bars;
    private readonly BarAccess _access;
    private readonly RemoteConfiguration _configuration;
    private readonly HostTarget _host;
    private readonly FunctionCompleter _completer;
    private readonly DeviceRegion[] _regions = new DeviceRegion[RegionIndex.Count];
    private readonly byte[] _configAtLinkUp = new byte[PciRegister.SpaceSize];
    private volatile bool _isRetired;

    // Whether the serving thread may be using the link.
    private volatile bool _isOnLink;
    private int _sharedRanges;

    public RemoteFunction(
        LinkConnection link, FunctionId id, FunctionMessage description, ILogger logger, bool hidesMsix = false)
    {
        _link = link;
        Id = id;
        _logger = logger;
        _hidesMsix = hidesMsix;
        _timeouts = new BurstLog(logger);
        _bars = [.. description.Bars.Select(static bar => new Bar(bar))];
        Exists = description.Present;
        IrqCounts =
        [
            description.InterruptPin > 0 ? 1 : 0,
            description.MsiVectors,
            hidesMsix ? 0 : description.MsixVectors,
            1,
            1,
        ];
        _configuration = new RemoteConfiguration(link.Requester, id);
        _access = new BarAccess(link.Requester, id, _configuration.Shadow);
        _host = new HostTarget(id, _configuration.Shadow, IsDirect, IrqCounts, ReportFailedWrite, logger);
        _completer = new FunctionCompleter(link, id, RootComplex, _host, logger);
        Array.Fill(_regions, DeviceRegion.Absent);
        for (int bar = 0; bar < _bars.Length; bar++)
        {
            if (_bars[bar].Size > 0)
            {
                _regions[bar] = new DeviceRegion(_bars[bar].Size);
            }
        }

        _regions[RegionIndex.Config] = new DeviceRegion(PciRegister.SpaceSize);
    }

    /// <summary>Which function it is.</summary>
    public FunctionId Id { get; }

    /// <summary>Whether the EP side has set this function up.</summary>
    public bool Exists { get; }

    /// <summary>
    /// Whether the link has gone down under the function: the host then reads all ones and its writes are dropped, as
    /// long as its QEMU has the device.
    /// </summary>
    public bool IsRetired => _isRetired;

    /// <inheritdoc/>
    public IReadOnlyList<DeviceRegion> Regions => _regions;

    /// <inheritdoc/>
    public IReadOnlyList<int> IrqCounts { get; }

    private bool IsDirect => (_link.Capabilities & LinkCapabilities.Direct) != 0;

    /// <summary>The host has placed a BAR.</summary>
    public void PlaceBar(BarAddressMessage message) => _bars[message.Bar].Place(message);

    /// <summary>Adds shared memory behind a part of a BAR; takes the descriptor over.</summary>
    /// <returns>False if the message is invalid.</returns>
    public bool AddInbound(InboundAddMessage message, FileDescriptor descriptor)
    {
        if (_isRetired)
        {
            descriptor.Dispose();
            return true;
        }

        return _bars[message.Bar].AddInbound(message, descriptor);
    }

    /// <summary>Removes the memory behind a BAR; on return no access to it is under way.</summary>
    public void InvalidateInbound(int bar)
    {
        if ((uint)bar < (uint)_bars.Length)
        {
            _bars[bar].Invalidate();
        }
    }

    /// <summary>Takes a request or message of the function. For the receiving thread.</summary>
    public void HandleTlp(in TlpHeader header, ReadOnlySpan<byte> payload) => _completer.Handle(header, payload);

    /// <summary>The link is up: the host may come.</summary>
    public void Present() => _host.IsPresent = true;

    /// <summary>
    /// As <see cref="Present"/>, after reading what QEMU is to see if the function goes away while QEMU connects.
    /// </summary>
    /// <returns>False if the link does not answer: then the function must not be served.</returns>
    public bool TryPresent()
    {
        // Extended capabilities would take many more reads; QEMU then sees a function without them.
        Span<byte> space = _configAtLinkUp.AsSpan(0, PciRegister.FirstExtendedCapability);
        _host.IsPresent = _configuration.Read(0, space) == RequestStatus.Success;
        if (!_host.IsPresent)
        {
            _logger.LogWarning("function {Function} is not served: its configuration space cannot be read", Id);
        }

        return _host.IsPresent;
    }

    /// <summary>The link is down or about to end: accesses of the host reach the function no more.</summary>
    public void Detach() => _host.IsPresent = false;

    /// <summary>
    /// Detaches for good: on return no access of the host is under way, on the link or in memory of the EP guest.
    /// </summary>
    public void Retire()
    {
        _isRetired = true;
        Detach();

        // After this, the serving thread sees the above before it begins anything, or we see below what it has begun.
        Interlocked.MemoryBarrierProcessWide();
        var spin = new SpinWait();
        while (_isOnLink)
        {
            // An access waits for the link, which has its own limit.
            spin.SpinOnce();
        }

        // EpcDevice forgets all leases, and must not get new ones after that.
        _host.Client?.Interrupts.LeaseTo(null);
        Array.ForEach(_bars, static bar => bar.Invalidate());
        _completer.Dispose();
    }

    /// <inheritdoc/>
    public void Attach(IVfioUserClient client)
    {
        _host.Client = client;
        if ((_link.Capabilities & LinkCapabilities.Interrupts) != 0)
        {
            client.Interrupts.LeaseTo(this);
        }
    }

    /// <inheritdoc/>
    public void ClientConnected()
    {
        if (!_link.Capabilities.HasFlag(LinkCapabilities.MapBars) || !BeginOnLink())
        {
            return;
        }

        // QEMU reads what it may map once, when it connects, and keeps it until the device is removed.
        for (int number = 0; number < _bars.Length; number++)
        {
            if (_bars[number].Offer(Announce(number)) is { } region)
            {
                _regions[number] = region;
                _logger.LogInformation("function {Function}: the host's QEMU may map BAR {Bar}", Id, number);
            }
        }

        EndOnLink();
    }

    /// <inheritdoc/>
    public void ClientDisconnected()
    {
        // A client that did not leave by itself still has its mappings. While the link goes down it may have left
        // before.
        for (int number = 0; number < _bars.Length && _host.Client!.HasLeft; number++)
        {
            if (_bars[number].Withdraw(Announce(number)))
            {
                _regions[number] = new DeviceRegion(_bars[number].Size);
            }
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
        if (IsAnnounced(range) && BeginOnLink())
        {
            Span<byte> message = stackalloc byte[MemoryMessage.Length];
            new MemoryMessage(range.Access, range.Address, range.Size, range.FileOffset).Encode(message);
            _sharedRanges += range.File is null ? 0 : 1;
            _link.SendControl(FrameKind.MemoryAdd, Id, message, range.File?.Descriptor);
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

        bool isAnyAnnounced = false;
        foreach (DmaRange range in ranges)
        {
            isAnyAnnounced |= IsAnnounced(range);
            _sharedRanges -= IsAnnounced(range) && range.File is not null ? 1 : 0;
        }

        if (ranges.Length == _host.Client!.Memory.Count)
        {
            Request(FrameKind.MemoryInvalidateAll, 0);
        }
        else if (isAnyAnnounced)
        {
            DmaRange last = ranges[^1];
            ulong size = last.Address + last.Size - ranges[0].Address;
            Span<byte> message = stackalloc byte[MemoryMessage.Length];
            new MemoryMessage(DmaAccess.None, ranges[0].Address, size, 0).Encode(message);
            _link.Request(FrameKind.MemoryInvalidate, Id, message);
        }

        EndOnLink();
    }

    /// <inheritdoc/>
    public void Reset()
    {
        if (BeginOnLink())
        {
            _logger.LogInformation("function {Function}: reset by the host", Id);
            ResetFunction();
            EndOnLink();
        }
    }

    /// <inheritdoc/>
    public Errno ReadRegion(int region, ulong offset, Span<byte> data)
    {
        RequestStatus status = RequestStatus.LinkDown;
        if (BeginOnLink())
        {
            status = region == RegionIndex.Config
                ? _configuration.Read((int)offset, data)
                : _access.Read(_bars[region], offset, data);
            EndOnLink();
        }

        // Only QEMU reads all of the space at once, while it realizes the device.
        bool isRealize = region == RegionIndex.Config && data.Length == PciRegister.SpaceSize;
        if (status != RequestStatus.Success)
        {
            LogFailure("host read", region, offset, status);
            if (isRealize)
            {
                // All ones make QEMU's capability walk loop for ever, and an error can crash it
                // (vfio_pci_config_setup() in hw/vfio/pci.c).
                _configAtLinkUp.CopyTo(data);
            }
            else
            {
                // A root complex gives the host all ones for Unsupported Request and for a completion timeout.
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
        RequestStatus status = RequestStatus.LinkDown;
        if (BeginOnLink())
        {
            status = region == RegionIndex.Config
                ? _configuration.Write((int)offset, data, _completer.Cancel)
                : _access.Write(_bars[region], offset, data, await: _sharedRanges > 0);
            EndOnLink();
        }

        if (status != RequestStatus.Success)
        {
            LogFailure("host write", region, offset, status);
        }

        return Errno.None;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _completer.Dispose();
        Array.ForEach(_bars, static bar => bar.Dispose());
    }

    /// <inheritdoc/>
    bool ISignalLessee.TryLease(IrqIndex index, int vector, FileDescriptor signal)
    {
        Span<byte> message = stackalloc byte[InterruptAddMessage.Length];
        new InterruptAddMessage(index == IrqIndex.Msix, vector).Encode(message);
        return index is IrqIndex.Msi or IrqIndex.Msix
            && _link.TrySendControl(FrameKind.InterruptAdd, Id, message, signal);
    }

    /// <inheritdoc/>
    void ISignalLessee.Return(IrqIndex index, int start, int count)
    {
        if (BeginOnLink())
        {
            Span<byte> message = stackalloc byte[InterruptInvalidateMessage.Length];
            new InterruptInvalidateMessage(index == IrqIndex.Msix, start, count).Encode(message);
            _link.Request(FrameKind.InterruptInvalidate, Id, message);
            EndOnLink();
        }
    }

    /// <summary>Whether EpcDevice knows a range: shared memory on the direct path, private memory on either.</summary>
    private bool IsAnnounced(DmaRange range) => IsDirect || range.Backing == DmaBacking.Messages;

    private void ReportFailedWrite(WriteFailedMessage failed)
    {
        Span<byte> message = stackalloc byte[WriteFailedMessage.Length];
        failed.Encode(message);
        _link.SendControl(FrameKind.WriteFailed, Id, message);
    }

    private void ResetFunction()
    {
        // As a secondary bus reset does.
        Request(FrameKind.FunctionReset, (int)ResetKind.Hot);

        // All that the function has asked before has been received by now.
        _completer.Cancel();
        _configuration.Shadow.Reset();
    }

    private Action<bool> Announce(int bar) => isMapped =>
    {
        Span<byte> message = stackalloc byte[BarMappedMessage.Length];
        new BarMappedMessage(bar, isMapped).Encode(message);
        _link.SendControl(FrameKind.BarMapped, Id, message);
    };

    /// <summary>To be called by the serving thread before it uses the link or memory of the EP guest.</summary>
    /// <returns>False if the link is down; else <see cref="EndOnLink"/> must follow.</returns>
    private bool BeginOnLink()
    {
        _isOnLink = true;
        if (_host.IsPresent)
        {
            return true;
        }

        _isOnLink = false;
        return false;
    }

    private void EndOnLink() => _isOnLink = false;

    private void LogFailure(string what, int region, ulong offset, RequestStatus status)
    {
        if (status == RequestStatus.CompletionTimeout)
        {
            _timeouts.Report($"{what} of region {region}", offset, status);
        }
        else if (_logger.IsEnabled(LogLevel.Debug))
        {
            _logger.LogDebug(
                "function {Function}: {What} of region {Region} at 0x{Offset:x}: {Status}",
                Id,
                what,
                region,
                offset,
                status);
        }
    }

    private void Request(FrameKind kind, int number)
    {
        Span<byte> request = stackalloc byte[RequestMessage.Length];
        RequestMessage.Encode(request, number);
        _link.Request(kind, Id, request);
    }
}
