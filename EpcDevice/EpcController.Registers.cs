using EpfTest.EpcDevice.Functions;
using EpfTest.EpcDevice.Guest;
using EpfTest.EpcDevice.Link;
using EpfTest.EpcDevice.Registers;
using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.EpcDevice;

/// <content>BAR0: which group a register belongs to, the global ones, and the link's control.</content>
internal sealed partial class EpcController
{
    private const uint Features = EpcRegister.FeatureIntx | EpcRegister.FeatureMsi | EpcRegister.FeatureMsix
        | EpcRegister.FeatureDynamicInbound | EpcRegister.FeatureSubrangeInbound | EpcRegister.FeatureDoorbell
        | EpcRegister.FeatureDma;

    // What takes translations that can change while the host has the device.
    private const uint FeaturesOfChange =
        EpcRegister.FeatureDynamicInbound | EpcRegister.FeatureSubrangeInbound | EpcRegister.FeatureDoorbell;

    /// <inheritdoc/>
    public uint Read(int offset) => offset switch
    {
        >= EpcRegister.FunctionBase => Function(offset) is { } function ? function.Read(offset % EpcRegister.FunctionStride) : 0,
        >= EpcRegister.OutboundBase => _outbounds.Read(offset - EpcRegister.OutboundBase),
        >= EpcRegister.DmaBase => _dma.Read(offset - EpcRegister.DmaBase),
        >= EpcRegister.Doorbell => 0,
        _ => ReadGlobal(offset),
    };

    /// <inheritdoc/>
    public void Write(int offset, uint value)
    {
        switch (offset)
        {
            case >= EpcRegister.FunctionBase:
                Function(offset)?.Write(offset % EpcRegister.FunctionStride, value);
                if (FunctionBlock.ChangesWhatTheHostSees(offset % EpcRegister.FunctionStride))
                {
                    TrainIfReady();
                }

                break;
            case >= EpcRegister.OutboundBase:
                _outbounds.Write(offset - EpcRegister.OutboundBase, value);
                break;
            case >= EpcRegister.DmaBase:
                _dma.Write(offset - EpcRegister.DmaBase, value);
                break;
            case EpcRegister.Doorbell:
                _interrupts.Fire(EpInterrupts.DoorbellVector);
                break;
            default:
                WriteGlobal(offset, value);
                break;
        }
    }

    private FunctionBlock? Function(int offset)
    {
        int index = (offset - EpcRegister.FunctionBase) / EpcRegister.FunctionStride;
        return index < _functions.Length ? _functions[index] : null;
    }

    private uint ReadGlobal(int offset)
    {
        lock (_lock)
        {
            int eventFunctions = (offset - EpcRegister.EventFunctions) / sizeof(uint);
            return offset switch
            {
                EpcRegister.Id => EpcRegister.IdValue,
                EpcRegister.Version => Field.Put(EpcRegister.VersionMajor, (int)EpcRegister.VersionMajorValue)
                    | Field.Put(EpcRegister.VersionMinor, (int)EpcRegister.VersionMinorValue),
                EpcRegister.FeaturesLo => _features | Field.Put(EpcRegister.FeatureMappedWindow, _mapped.Size > 0),
                EpcRegister.Functions => EpcLimits.Functions,
                EpcRegister.Outbounds => EpcLimits.Outbounds,
                EpcRegister.Inbounds => EpcLimits.Inbounds,
                EpcRegister.DmaChannels => EpcLimits.DmaChannels,
                EpcRegister.Scratch => _scratch,
                EpcRegister.LinkControl => Field.Put(EpcRegister.LinkControlEnable, _link.IsEnabled),
                EpcRegister.LinkStatus => LinkStatus(),
                EpcRegister.EventStatus => _events.Status,
                EpcRegister.EventMask => _events.Mask,
                EpcRegister.WindowSizeLo => (uint)_mapped.Size,
                EpcRegister.WindowSizeHi => (uint)(_mapped.Size >> 32),
                EpcRegister.WindowIdLo => (uint)_mapped.Id,
                EpcRegister.WindowIdHi => (uint)(_mapped.Id >> 32),
                EpcRegister.WindowAddressLo => _windowAddress.Low,
                EpcRegister.WindowAddressHi => _windowAddress.High,
                EpcRegister.WindowControl => Field.Put(EpcRegister.WindowControlEnable, _mapped.Enabled),
                EpcRegister.WindowStatus => _mapped.Status,
                >= EpcRegister.EventFunctions when eventFunctions < _events.FunctionRegisters =>
                    _events.Functions(eventFunctions),
                _ => 0,
            };
        }
    }

    private void WriteGlobal(int offset, uint value)
    {
        switch (offset)
        {
            case EpcRegister.Scratch:
                _scratch = value;
                break;
            case EpcRegister.LinkControl when (value & EpcRegister.LinkControlEnable) != 0:
                EnableLink();
                break;
            case EpcRegister.LinkControl:
                DisableLink();
                break;
            case EpcRegister.WindowAddressLo when _mapped.Size > 0 && !_mapped.Enabled:
                _windowAddress.SetLow(value);
                break;
            case EpcRegister.WindowAddressHi when _mapped.Size > 0 && !_mapped.Enabled:
                _windowAddress.SetHigh(value);
                break;
            case EpcRegister.WindowControl when _mapped.Size > 0:
                EnableWindow((value & EpcRegister.WindowControlEnable) != 0);
                break;
            case EpcRegister.EventStatus:
                lock (_lock)
                {
                    _events.WriteStatus(value);
                }

                break;
            case EpcRegister.EventMask:
                lock (_lock)
                {
                    _events.WriteMask(value);
                }

                break;
        }
    }

    private void EnableWindow(bool enable)
    {
        if (enable)
        {
            _guest.MappedWindow = new WindowLocation(_windowAddress.Value, _mapped.Size);
        }

        _mapped.Enabled = enable;
    }

    private uint LinkStatus()
    {
        uint status = Field.Put(EpcRegister.LinkStatusUp, _link.IsUp)
            | Field.Put(EpcRegister.LinkStatusPerst, _link.IsPerstAsserted);
        return _link.IsUp
            ? status | Field.Put(EpcRegister.LinkStatusSpeed, PciExpressCapability.LinkSpeed)
                | Field.Put(EpcRegister.LinkStatusWidth, PciExpressCapability.LinkWidth)
            : status;
    }

    private void EnableLink()
    {
        lock (_lock)
        {
            // PERST# holds it clear.
            _link.Take(LinkEvent.Enable);
        }

        TrainIfReady();
    }

    /// <summary>Tells the link to come up once all that it takes is there.</summary>
    private void TrainIfReady()
    {
        lock (_lock)
        {
            if (_link.State != LinkState.Polling || !_functions[0].Present || !AssembleFunctions())
            {
                return;
            }

            _link.Take(LinkEvent.FunctionsReady);
        }

        bool up = _host.SetLink(true);
        lock (_lock)
        {
            if (up && _link.Take(LinkEvent.Up))
            {
                _events.Raise(EpcRegister.EventLinkUp);
            }
        }

        _mapped.Follow();
    }

    private bool AssembleFunctions()
    {
        bool multiFunction = _functions.Skip(1).Any(static function => function.Present);
        foreach (FunctionBlock function in _functions)
        {
            if (!function.Assemble(multiFunction))
            {
                Array.ForEach(_functions, static assembled => assembled.Disassemble());
                return false;
            }
        }

        return true;
    }

    /// <summary>Takes the link down; on return the host has no access any more.</summary>
    private void DisableLink()
    {
        bool wasUp;
        lock (_lock)
        {
            wasUp = _link.IsUp;
            _link.Take(LinkEvent.Disable);
        }

        if (_link.AreFunctionsFixed)
        {
            // The functions are there until it returns, as a host that lets go of them in good order uses them. What it
            // takes away meanwhile cannot wait for the EP guest's QEMU, which waits for us.
            _mapped.SetUnattended(true);
            _host.SetLink(false);
            lock (_lock)
            {
                if (_link.Take(LinkEvent.Down))
                {
                    ForgetHost(wasUp);
                }
                else if (wasUp)
                {
                    // The bridge left meanwhile, when the link was not up any more.
                    _events.Raise(EpcRegister.EventLinkDown);
                }
            }

            _mapped.SetUnattended(false);
            _mapped.Follow();
        }
    }
}
