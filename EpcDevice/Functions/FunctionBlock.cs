using EpfTest.EpcDevice.Guest;
using EpfTest.EpcDevice.Link;
using EpfTest.EpcDevice.Registers;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.ConfigurationSpace;
using Microsoft.Extensions.Logging;

namespace EpfTest.EpcDevice.Functions;

/// <summary>
/// One function: its registers (<c>docs/registers.md</c>, "Function blocks"), what the EP guest has committed in them, and
/// the configuration space that is made of it.
/// </summary>
/// <remarks>
/// <para>The pieces (header, BARs, MSI, MSI-X) may be committed in any order while the link is down. When it is told to
/// come up they make a <see cref="ConfigSpace"/>, which is what the host sees until the link is down again; in between,
/// a commit may change translations, but nothing that the host has read.</para>
/// <para>Staged registers belong to the thread that serves the EP guest, which also is the only one that commits. What it
/// commits, the configuration space and the interrupts' state are guarded by the controller's lock, since the thread that
/// receives from the link uses them too. What accesses need is published for all threads: <see cref="IsBusMaster"/>, the
/// BAR decoder, the MSI target and the inbound maps. No member of <see cref="IFunctionPort"/> is called with the lock held.
/// </para>
/// </remarks>
internal sealed partial class FunctionBlock : IRegisterBlock, IFunction
{
    private readonly int _index;
    private readonly Lock _lock;
    private readonly LinkTraining _link;
    private readonly GlobalEvents _globalEvents;
    private readonly GuestBus _guest;
    private readonly AccessGate _inboundGate;
    private readonly ILogger _logger;

    private uint _vendorDevice;
    private uint _classRevision;
    private uint _subsystem;
    private uint _misc;
    private CommitResult _result;

    private ConfigSpaceHeader? _header;
    private ConfigSpace? _config;
    private EventBits _events = new();

    /// <summary>A block out of reset.</summary>
    /// <param name="index">Its number, which is also the number of its physical function.</param>
    /// <param name="controllerLock">Guards what more than one thread uses.</param>
    /// <param name="link">The link.</param>
    /// <param name="globalEvents">Told of this function's events.</param>
    /// <param name="guest">Where inbound translations lead.</param>
    /// <param name="inboundGate">Entered by accesses through inbound translations.</param>
    /// <param name="logger">Told what goes wrong.</param>
    public FunctionBlock(
        int index,
        Lock controllerLock,
        LinkTraining link,
        GlobalEvents globalEvents,
        GuestBus guest,
        AccessGate inboundGate,
        ILogger logger)
    {
        _index = index;
        _lock = controllerLock;
        _link = link;
        _globalEvents = globalEvents;
        _guest = guest;
        _inboundGate = inboundGate;
        _logger = logger;
    }

    /// <inheritdoc/>
    public FunctionId Id => new(_index);

    /// <summary>The function's way to the host; set once, before anything is committed.</summary>
    public IFunctionPort Port { get; set; } = null!;

    /// <summary>Whether the EP guest has committed a header. Under the controller's lock.</summary>
    public bool Present => _header is not null;

    /// <summary>Whether a register commits what the link may have been waiting for.</summary>
    public static bool ChangesWhatTheHostSees(int offset) =>
        offset is EpcRegister.FnControl or EpcRegister.FnMsixSetup
            || (offset is >= EpcRegister.FnBarBase and < EpcRegister.FnInboundBase
                && offset % EpcRegister.FnBarStride == EpcRegister.FnBarControl);

    /// <inheritdoc/>
    public uint Read(int offset)
    {
        lock (_lock)
        {
            return offset switch
            {
                >= EpcRegister.FnInboundBase => ReadInbound(offset - EpcRegister.FnInboundBase),
                >= EpcRegister.FnBarBase => ReadBarRegister(offset - EpcRegister.FnBarBase),
                EpcRegister.FnId => Field.Put(EpcRegister.FnIdFunction, _index),
                EpcRegister.FnControl => Field.Put(EpcRegister.FnControlPresent, Present),
                EpcRegister.FnResult => (uint)_result,
                EpcRegister.FnVendorDevice => _vendorDevice,
                EpcRegister.FnClassRevision => _classRevision,
                EpcRegister.FnSubsystem => _subsystem,
                EpcRegister.FnMisc => _misc,
                EpcRegister.FnEventStatus => _events.Status,
                EpcRegister.FnEventMask => _events.Mask,
                EpcRegister.FnCommand => (uint)(_config?.Command ?? PciCommand.None),
                EpcRegister.FnPowerState => (uint)(_config?.PowerState ?? PowerState.D0),
                _ => ReadInterruptRegister(offset),
            };
        }
    }

    /// <inheritdoc/>
    public void Write(int offset, uint value)
    {
        switch (offset)
        {
            case >= EpcRegister.FnInboundBase:
                WriteInbound(offset - EpcRegister.FnInboundBase, value);
                break;
            case >= EpcRegister.FnBarBase:
                WriteBarRegister(offset - EpcRegister.FnBarBase, value);
                break;
            case EpcRegister.FnControl:
                _result = CommitHeader((value & EpcRegister.FnControlPresent) != 0);
                break;
            case EpcRegister.FnVendorDevice:
                _vendorDevice = value;
                break;
            case EpcRegister.FnClassRevision:
                _classRevision = value;
                break;
            case EpcRegister.FnSubsystem:
                _subsystem = value;
                break;
            case EpcRegister.FnMisc:
                _misc = value;
                break;
            case EpcRegister.FnEventStatus:
            case EpcRegister.FnEventMask:
                WriteEvents(offset, value);
                break;
            default:
                WriteInterruptRegister(offset, value);
                break;
        }
    }

    /// <summary>Forgets the function and puts every register to its reset value. The link is down.</summary>
    public void Reset()
    {
        lock (_lock)
        {
            _vendorDevice = _classRevision = _subsystem = _misc = 0;
            _result = CommitResult.Ok;
            _header = null;
            _events = new EventBits();
            _globalEvents.FunctionReset(_index);
            Disassemble();
            ResetBars();
            ResetInterruptRegisters();
        }

        _inboundGate.Drain();
    }

    /// <summary>
    /// Makes the configuration space that the host is going to see; does nothing where the function is not present.
    /// Under the controller's lock.
    /// </summary>
    /// <returns>False where a host could not use it; the log says why.</returns>
    public bool Assemble(bool multiFunction)
    {
        if (_header is null)
        {
            return true;
        }

        if (_msix is { } layout && !layout.TryCheckFit(_bars, out string? reason))
        {
            _logger.LogWarning("function {Function} keeps the link down: {Reason}", _index, reason);
            return false;
        }

        _config = Build(_header with { MultiFunction = multiFunction });
        _config.Observer = this;
        Publish();
        return true;
    }

    /// <summary>The host cannot see the function any more. Under the controller's lock.</summary>
    public void Disassemble()
    {
        _config = null;
        ResetInterrupts();
        Publish();
    }

    private ConfigSpace Build(ConfigSpaceHeader header)
    {
        // QEMU keeps a BAR's address across an FLR, and Linux does not write it again.
        var config = new ConfigSpace(header) { PreserveBarAddressesOnFlr = true };
        for (int bar = 0; bar < _bars.Length; bar++)
        {
            if (_bars[bar] is { } spec)
            {
                config.AddBar(bar, spec);
            }
        }

        config.AddPowerManagement();
        if (_msiVectors > 0)
        {
            config.AddMsi(_msiVectors);
        }

        if (_msix is { } layout)
        {
            config.AddMsix(layout);
        }

        config.AddPciExpress();
        config.AddAdvancedErrorReporting();
        config.AddDeviceSerialNumber(SerialNumber);
        return config;
    }

    private CommitResult CommitHeader(bool present)
    {
        ConfigSpaceHeader? header = present ? StagedHeader() : null;
        if (present && header is null)
        {
            return CommitResult.Invalid;
        }

        lock (_lock)
        {
            if (_link.AreFunctionsFixed && header != _header)
            {
                return CommitResult.Busy;
            }

            _header = header;
        }

        if (!present)
        {
            Reset();
        }

        return CommitResult.Ok;
    }

    private ConfigSpaceHeader? StagedHeader()
    {
        int pin = Field.Get(EpcRegister.FnInterruptPin, _misc);
        return pin > (int)InterruptPin.IntD ? null : new ConfigSpaceHeader
        {
            VendorId = (ushort)Field.Get(EpcRegister.FnVendor, _vendorDevice),
            DeviceId = (ushort)Field.Get(EpcRegister.FnDevice, _vendorDevice),
            RevisionId = (byte)Field.Get(EpcRegister.FnRevision, _classRevision),
            ProgrammingInterface = (byte)Field.Get(EpcRegister.FnProgif, _classRevision),
            SubClass = (byte)Field.Get(EpcRegister.FnSubclass, _classRevision),
            BaseClass = (byte)Field.Get(EpcRegister.FnBaseclass, _classRevision),
            CacheLineSize = (byte)Field.Get(EpcRegister.FnCacheLineSize, _misc),
            SubsystemVendorId = (ushort)Field.Get(EpcRegister.FnSubsystemVendor, _subsystem),
            SubsystemId = (ushort)Field.Get(EpcRegister.FnSubsystemId, _subsystem),
            InterruptPin = (InterruptPin)pin,
        };
    }

    private void WriteEvents(int offset, uint value)
    {
        lock (_lock)
        {
            if (offset == EpcRegister.FnEventStatus)
            {
                _events.Clear(value);
            }
            else
            {
                _events.Mask = value;
            }

            _globalEvents.FunctionWritten(_index, _events.Pending);
        }
    }

    private void Raise(uint events) => _globalEvents.FunctionRaised(_index, _events.Raise(events));
}
