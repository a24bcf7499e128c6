using EpfTest.EpcDevice.Guest;
using EpfTest.EpcDevice.Outbound;
using EpfTest.EpcDevice.Registers;

namespace EpfTest.EpcDevice;

/// <summary>The global registers (<c>docs/registers.md</c>, "Global registers").</summary>
/// <remarks>Belongs to the thread that serves the EP guest.</remarks>
internal sealed class GlobalRegisters(
    uint features, Lock controllerLock, LinkControl link, GlobalEvents events, GuestBus guest, MappedWindow window)
    : IRegisterBlock
{
    private uint _scratch;
    private Register64 _windowAddress;

    public uint Read(int offset)
    {
        lock (controllerLock)
        {
            int eventFunctions = (offset - EpcRegister.EventFunctions) / sizeof(uint);
            return offset switch
            {
                EpcRegister.Id => EpcRegister.IdValue,
                EpcRegister.Version => Field.Put(EpcRegister.VersionMajor, (int)EpcRegister.VersionMajorValue)
                    | Field.Put(EpcRegister.VersionMinor, (int)EpcRegister.VersionMinorValue),
                EpcRegister.FeaturesLo => features,
                EpcRegister.Functions => EpcLimits.Functions,
                EpcRegister.Outbounds => EpcLimits.Outbounds,
                EpcRegister.Inbounds => EpcLimits.Inbounds,
                EpcRegister.DmaChannels => EpcLimits.DmaChannels,
                EpcRegister.Scratch => _scratch,
                EpcRegister.LinkControl => link.Control,
                EpcRegister.LinkStatus => link.Status,
                EpcRegister.EventStatus => events.Status,
                EpcRegister.EventMask => events.Mask,
                EpcRegister.WindowSizeLo => (uint)window.Size,
                EpcRegister.WindowSizeHi => (uint)(window.Size >> 32),
                EpcRegister.WindowIdLo => (uint)window.Id,
                EpcRegister.WindowIdHi => (uint)(window.Id >> 32),
                EpcRegister.WindowAddressLo => _windowAddress.Low,
                EpcRegister.WindowAddressHi => _windowAddress.High,
                EpcRegister.WindowControl => Field.Put(EpcRegister.WindowControlEnable, window.Enabled),
                EpcRegister.WindowStatus => window.Status,
                >= EpcRegister.EventFunctions when eventFunctions < events.FunctionRegisters =>
                    events.Functions(eventFunctions),
                _ => 0,
            };
        }
    }

    public void Write(int offset, uint value)
    {
        switch (offset)
        {
            case EpcRegister.Scratch:
                _scratch = value;
                break;
            case EpcRegister.LinkControl when (value & EpcRegister.LinkControlEnable) != 0:
                link.Enable();
                break;
            case EpcRegister.LinkControl:
                link.Disable();
                break;
            case EpcRegister.WindowAddressLo when window.Size > 0 && !window.Enabled:
                _windowAddress.SetLow(value);
                break;
            case EpcRegister.WindowAddressHi when window.Size > 0 && !window.Enabled:
                _windowAddress.SetHigh(value);
                break;
            case EpcRegister.WindowControl when window.Size > 0:
                EnableWindow((value & EpcRegister.WindowControlEnable) != 0);
                break;
            case EpcRegister.EventStatus:
                lock (controllerLock)
                {
                    events.WriteStatus(value);
                }

                break;
            case EpcRegister.EventMask:
                lock (controllerLock)
                {
                    events.WriteMask(value);
                }

                break;
        }
    }

    /// <summary>Puts every register to its reset value. The link is down, and the window disabled.</summary>
    public void Reset()
    {
        guest.MappedWindow = null;
        _windowAddress = default;
        _scratch = 0;
        lock (controllerLock)
        {
            events.Reset();
        }
    }

    private void EnableWindow(bool enable)
    {
        if (enable)
        {
            guest.MappedWindow = new WindowLocation(_windowAddress.Value, window.Size);
        }

        window.Enabled = enable;
    }
}
