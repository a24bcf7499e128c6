using EpfTest.EpcDevice.Link;
using EpfTest.EpcDevice.Registers;
using EpfTest.Protocol.Pcie.ConfigurationSpace;
using EpfTest.Protocol.Pcie.Tlp;
using Microsoft.Extensions.Logging;

namespace EpfTest.EpcDevice.Functions;

/// <summary>
/// A function's configuration space: built from what the EP guest has committed when the link comes up, accessed by the
/// host until the link is down.
/// </summary>
/// <remarks>Guarded by the controller's lock. The members that may send to the host are called without it.</remarks>
internal sealed class FunctionConfiguration(
    FunctionContext context, BarSet bars, InterruptSource interrupts, FunctionEvents events, ILogger logger)
    : IConfigSpaceObserver
{
    // With all of them clear, a host neither reaches the function's BARs nor is reached.
    private const PciCommand Used =
        PciCommand.IoSpaceEnable | PciCommand.MemorySpaceEnable | PciCommand.BusMasterEnable;

    // An EUI-64 of no manufacturer: locally administered, the same for all functions, since they are one device.
    private const ulong SerialNumber = 0x0200_00ff_fe00_0001;

    // Taken before the controller's lock, never with it held: the port learns of changes in order.
    private readonly Lock _busMasterSending = new();
    private bool _busMasterSent;

    // Whether a host has used the function since the link came up or the last hot reset
    private bool _isUsed;

    /// <summary>The committed header; null while the function is not present.</summary>
    public ConfigSpaceHeader? Header { get; private set; }

    /// <summary>Sets or clears (null) the header.</summary>
    public CommitResult CommitHeader(ConfigSpaceHeader? header)
    {
        lock (context.Lock)
        {
            if (context.Link.AreFunctionsFixed && header != Header)
            {
                return CommitResult.Busy;
            }

            Header = header;
            return CommitResult.Ok;
        }
    }

    /// <summary>Makes the function visible to the host, if it is present. Under the controller's lock.</summary>
    /// <returns>False if a host could not use it; the log says why.</returns>
    public bool Show(bool multiFunction)
    {
        if (Header is null)
        {
            return true;
        }

        if (interrupts.Msix is { } layout && !layout.TryCheckFit(bars.Specs, out string? reason))
        {
            logger.LogWarning("function {Function} keeps the link down: {Reason}", context.Id, reason);
            return false;
        }

        context.Config = Build(Header with { MultiFunction = multiFunction });
        Publish();
        return true;
    }

    /// <summary>Hides the function from the host. Under the controller's lock.</summary>
    public void Hide()
    {
        context.Config = null;
        _isUsed = false;
        interrupts.Detach();
        Publish();
    }

    /// <inheritdoc cref="IFunction.Describe"/>
    public FunctionDescription? Describe()
    {
        lock (context.Lock)
        {
            if (context.Config is not { } config)
            {
                return null;
            }

            ulong[] addresses = new ulong[PciRegister.BaseAddressCount];
            bool[] enabled = new bool[PciRegister.BaseAddressCount];
            bool[] awaited = new bool[PciRegister.BaseAddressCount];
            for (int bar = 0; bar < addresses.Length; bar++)
            {
                if (config.Bars[bar] is { } spec)
                {
                    addresses[bar] = config.BarAddress(bar);
                    enabled[bar] = BarDecoder.Claims(config, spec.Kind);
                    awaited[bar] = bars.IsPrivate(bar);
                }
            }

            return new FunctionDescription(
                config.Bars,
                addresses,
                enabled,
                awaited,
                (int)config.Header.InterruptPin,
                config.Msi?.VectorCount ?? 0,
                config.Msix?.VectorCount ?? 0);
        }
    }

    /// <inheritdoc cref="IFunction.TransferLimits"/>
    public (int MaxPayload, int MaxReadRequest, bool ExtendedTags) TransferLimits()
    {
        lock (context.Lock)
        {
            return context.Config?.PciExpress is { } express
                ? (express.MaxPayloadSize, express.MaxReadRequestSize, express.ExtendedTagFieldEnable)
                : (TlpLimits.MinPayload, TlpLimits.MinPayload, false);
        }
    }

    /// <inheritdoc cref="IFunction.ReadConfig"/>
    public uint Read(int offset)
    {
        lock (context.Lock)
        {
            return context.Config?.ReadDword(offset) ?? uint.MaxValue;
        }
    }

    /// <inheritdoc cref="IFunction.WriteConfig"/>
    public void Write(int offset, uint value, byte byteEnables)
    {
        lock (context.Lock)
        {
            context.Config?.WriteDword(offset, value, byteEnables);
        }

        SendBusMaster();
        interrupts.SendPending();
    }

    /// <inheritdoc cref="IFunction.ResetByHost"/>
    public void ResetByHost(ResetKind kind)
    {
        lock (context.Lock)
        {
            if (context.Config is { } config)
            {
                // QEMU keeps the addresses of BARs across an FLR only.
                config.Reset(kind, preserveBarAddresses: kind == ResetKind.FunctionLevel);
                RaiseReset(kind);
            }

            interrupts.Clear();
            Publish();
        }

        SendBusMaster();
        interrupts.SendIntxChange();
    }

    /// <summary>The driver clears or masks events, which may end the hold of a hot reset.</summary>
    public void WriteEvents(int offset, uint value)
    {
        lock (context.Lock)
        {
            if (offset == EpcRegister.FnEventStatus)
            {
                events.WriteStatus(value);
            }
            else
            {
                events.WriteMask(value);
            }

            Publish();
        }

        SendBusMaster();
    }

    /// <summary>Clears the header, and with it hides the function. Under the controller's lock.</summary>
    public void Reset()
    {
        Header = null;
        Hide();
    }

    void IConfigSpaceObserver.CommandChanged(PciCommand previous, PciCommand current)
    {
        _isUsed |= (current & Used) != 0;
        bool busMaster = (current & ~previous & PciCommand.BusMasterEnable) != 0;
        events.Raise(EpcRegister.FnEventCommand | Field.Put(EpcRegister.FnEventBusMaster, busMaster));
        Publish();
    }

    void IConfigSpaceObserver.BarAddressChanged(int index)
    {
        events.Raise(EpcRegister.FnEventBar);
        Publish();
    }

    void IConfigSpaceObserver.PowerStateChanged(PowerState previous, PowerState current)
    {
        events.Raise(EpcRegister.FnEventPowerState);
        Publish();
    }

    void IConfigSpaceObserver.MsiChanged()
    {
        events.Raise(EpcRegister.FnEventMsi);
        Publish();
    }

    void IConfigSpaceObserver.MsixChanged()
    {
        events.Raise(EpcRegister.FnEventMsix);
        if (context.Config!.Msix is { Enabled: false })
        {
            interrupts.ClearMsixPending();
        }
    }

    void IConfigSpaceObserver.FunctionLevelReset()
    {
        interrupts.Clear();
        events.Raise(EpcRegister.FnEventFlr);
        Publish();
    }

    private ConfigSpace Build(ConfigSpaceHeader header)
    {
        var config = new ConfigSpace(header)
        {
            Observer = this,

            // QEMU keeps a BAR's address across an FLR, and Linux does not write it again.
            PreserveBarAddressesOnFlr = true,
        };
        for (int bar = 0; bar < bars.Specs.Count; bar++)
        {
            if (bars.Specs[bar] is { } spec)
            {
                config.AddBar(bar, spec);
            }
        }

        config.AddPowerManagement();
        if (interrupts.MsiVectors > 0)
        {
            config.AddMsi(interrupts.MsiVectors);
        }

        if (interrupts.Msix is { } layout)
        {
            config.AddMsix(layout);
        }

        config.AddPciExpress();
        config.AddAdvancedErrorReporting();
        config.AddDeviceSerialNumber(SerialNumber);
        return config;
    }

    /// <summary>A reset of a function that no host has used is no event: it changes nothing.</summary>
    private void RaiseReset(ResetKind kind)
    {
        if (kind == ResetKind.FunctionLevel)
        {
            events.Raise(EpcRegister.FnEventFlr);
        }
        else if (_isUsed)
        {
            _isUsed = false;
            events.Raise(EpcRegister.FnEventReset);
        }
    }

    /// <summary>Publishes what the host has programmed to requests of both directions. Under the lock.</summary>
    private void Publish()
    {
        context.IsBusMaster = context.Config is { BusMasterEnable: true, PowerState: PowerState.D0 }
            && !events.HoldsFunction;
        bars.Publish();
        interrupts.Publish();
    }

    /// <summary>
    /// Tells the port of a change of bus mastering, before the host's write that made it is completed. The controller's
    /// lock is not held. The port learns of changes only: while the link is down it may have an outdated value.
    /// </summary>
    private void SendBusMaster()
    {
        lock (_busMasterSending)
        {
            bool enabled = context.IsBusMaster;
            if (enabled != _busMasterSent)
            {
                _busMasterSent = enabled;
                context.Port.SetBusMaster(enabled);
            }
        }
    }
}
