using EpfTest.EpcDevice.Link;
using EpfTest.EpcDevice.Registers;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.ConfigurationSpace;
using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.EpcDevice.Functions;

/// <content>What the host does to the function, apart from accesses to its BARs.</content>
internal sealed partial class FunctionBlock : IConfigSpaceObserver
{
    // An EUI-64 of no manufacturer: locally administered, the same for all functions, as they are one device.
    private const ulong SerialNumber = 0x0200_00ff_fe00_0001;

    private readonly byte[] _failedHeader = new byte[TlpLimits.Header4Dw];
    private int _barGeneration;

    /// <inheritdoc cref="IFunction.IsVisible"/>
    public bool IsVisible => Volatile.Read(ref _config) is not null;

    /// <inheritdoc cref="IFunction.BarGeneration"/>
    public int BarGeneration => Volatile.Read(ref _barGeneration);

    /// <inheritdoc cref="IFunction.Describe"/>
    public FunctionDescription? Describe()
    {
        lock (_lock)
        {
            if (_config is not { } config)
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
                    awaited[bar] = WaitsForGuest(bar);
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
    public (int MaxPayload, int MaxReadRequest) TransferLimits()
    {
        lock (_lock)
        {
            return _config?.PciExpress is { } express
                ? (express.MaxPayloadSize, express.MaxReadRequestSize)
                : (TlpLimits.MinPayload, TlpLimits.MinPayload);
        }
    }

    /// <inheritdoc cref="IFunction.ReadConfig"/>
    public uint ReadConfig(int offset)
    {
        lock (_lock)
        {
            return _config?.ReadDword(offset) ?? uint.MaxValue;
        }
    }

    /// <inheritdoc cref="IFunction.WriteConfig"/>
    public void WriteConfig(int offset, uint value, byte byteEnables)
    {
        lock (_lock)
        {
            _config?.WriteDword(offset, value, byteEnables);
        }

        TellBusMaster();
        SendIntxChange();
        SendUnmasked();
    }

    /// <inheritdoc cref="IFunction.ResetByHost"/>
    public void ResetByHost(ResetKind kind)
    {
        lock (_lock)
        {
            ResetByLink(kind);
            if (_config is not null)
            {
                Raise(EpcRegister.FnEventReset);
            }
        }

        TellBusMaster();
        SendIntxChange();
    }

    /// <summary>The link went down or was reset, and the functions with it. Under the controller's lock.</summary>
    public void ResetByLink(ResetKind kind)
    {
        // QEMU keeps the addresses of BARs across an FLR only.
        _config?.Reset(kind, preserveBarAddresses: kind == ResetKind.FunctionLevel);
        ForgetInterrupts();
        Publish();
    }

    /// <summary>A request of the function has failed.</summary>
    public void RecordRequestError(RequestStatus error)
    {
        ErrorMessage message = ErrorMessage.None;
        lock (_lock)
        {
            switch (error)
            {
                case RequestStatus.CompletionTimeout:
                    message = RecordOwn(UncorrectableError.CompletionTimeout);
                    break;
                case RequestStatus.Poisoned:
                    message = RecordOwn(UncorrectableError.PoisonedTlpReceived);
                    break;
                case RequestStatus.UnsupportedRequest:
                    _config?.RecordStatus(PciStatus.ReceivedMasterAbort);
                    break;
                case RequestStatus.CompleterAbort:
                    _config?.RecordStatus(PciStatus.ReceivedTargetAbort);
                    break;
            }
        }

        Report(message);
    }

    private ErrorMessage RecordOwn(UncorrectableError error) =>
        _config?.AdvancedErrorReporting!.RecordUncorrectable(error) ?? ErrorMessage.None;

    /// <inheritdoc cref="IFunction.RecordFailure"/>
    public void RecordFailure(in TlpHeader request, UncorrectableError error)
    {
        ErrorMessage message;
        lock (_lock)
        {
            if (_config is not { } config)
            {
                return;
            }

            if (error == UncorrectableError.CompleterAbort)
            {
                config.RecordStatus(PciStatus.SignaledTargetAbort);
            }

            int length = request.Encode(_failedHeader);

            // Whoever asked learns it from the completion, so that it is not for this function to raise the alarm.
            message = config.AdvancedErrorReporting!.RecordUncorrectable(
                error, _failedHeader.AsSpan(0, length), advisory: request.IsNonPosted);
        }

        Report(message);
    }

    void IConfigSpaceObserver.CommandChanged(PciCommand previous, PciCommand current)
    {
        bool busMaster = (current & ~previous & PciCommand.BusMasterEnable) != 0;
        Raise(EpcRegister.FnEventCommand | Field.Put(EpcRegister.FnEventBusMaster, busMaster));
        Publish();
    }

    void IConfigSpaceObserver.BarAddressChanged(int index)
    {
        Raise(EpcRegister.FnEventBar);
        Publish();
    }

    void IConfigSpaceObserver.PowerStateChanged(PowerState previous, PowerState current)
    {
        Raise(EpcRegister.FnEventPowerState);
        Publish();
    }

    void IConfigSpaceObserver.MsiChanged()
    {
        Raise(EpcRegister.FnEventMsi);
        Publish();
    }

    void IConfigSpaceObserver.MsixChanged()
    {
        Raise(EpcRegister.FnEventMsix);
        if (_config!.Msix is { Enabled: false })
        {
            Array.Clear(_msixPending);
        }
    }

    void IConfigSpaceObserver.FunctionLevelReset()
    {
        ForgetInterrupts();
        Raise(EpcRegister.FnEventFlr);
        Publish();
    }

    private void Report(ErrorMessage message)
    {
        if (message != ErrorMessage.None)
        {
            Port.SendError(message);
        }
    }

    /// <summary>
    /// Tells the link of a change of bus mastering, before the host's write that made it is completed. No lock is held.
    /// </summary>
    private void TellBusMaster()
    {
        lock (_busMasterTelling)
        {
            bool enabled = _isBusMaster;
            if (enabled != _busMasterTold)
            {
                _busMasterTold = enabled;
                Port.SetBusMaster(enabled);
            }
        }
    }

    /// <summary>Lets accesses see what the host has programmed. Under the controller's lock.</summary>
    private void Publish()
    {
        _isBusMaster = _config is { BusMasterEnable: true, PowerState: PowerState.D0 };
        Interlocked.Increment(ref _barGeneration);
        _decoder = _config is null ? BarDecoder.None : BarDecoder.Of(_config, _bars);
        _msiTarget = _isBusMaster && _config!.Msi is { Enabled: true } msi
            ? new MsiTarget(msi.Address, msi.Data, msi.EnabledVectors)
            : null;
    }
}
