using EpfTest.EpcDevice.Dma;
using EpfTest.EpcDevice.Functions;
using EpfTest.EpcDevice.Guest;
using EpfTest.EpcDevice.Link;
using EpfTest.EpcDevice.Outbound;
using EpfTest.EpcDevice.Registers;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.ConfigurationSpace;
using EpfTest.Protocol.VfioUser;
using EpfTest.Protocol.VhostUser;
using Microsoft.Extensions.Logging;

namespace EpfTest.EpcDevice;

/// <summary>
/// The endpoint controller: its parts, and what connects them. The EP guest accesses it by <see cref="EpcPciDevice"/>,
/// the host by <see cref="IEndpoint"/>; it reaches the host by <see cref="IHostLink"/>.
/// </summary>
/// <remarks>
/// <para>Three kinds of threads use it. The serving thread answers the EP guest's QEMU: it accesses registers and the
/// window, and makes all commits, so what a commit has checked still holds when it is applied. The receiving thread
/// brings the host's accesses from the link. Each DMA channel has a thread for its ring.</para>
/// <para>One lock guards what the first two share: the link's state, the functions' committed pieces and configuration
/// spaces, and events. It is never held while a member of <see cref="IHostLink"/> or <see cref="IFunctionPort"/> is
/// called: those may wait for the bridge, whose frames the receiving thread must be free to take. Moving bytes takes no
/// lock: translations are immutable and swapped, and an <see cref="AccessGate"/> tells when the last access through an
/// old one has ended. DMA channels do not share their registers.</para>
/// <para>Waits go one way only. The serving thread may wait for the link (a time limit), for accesses inside a gate
/// (they wait for the link at most) and for a DMA channel's piece (likewise). The receiving thread waits for the lock,
/// which is held for a few instructions. A function's slow path also waits, outside of gates, for private memory, with
/// that connection's time limit. DMA threads may wait for all of these. No thread waits for a DMA thread with the lock
/// held.</para>
/// </remarks>
internal sealed class EpcController : IRegisterBlock, IEndpoint, IDisposable
{
    private const uint Features = EpcRegister.FeatureIntx | EpcRegister.FeatureMsi | EpcRegister.FeatureMsix
        | EpcRegister.FeatureDma;

    // They need translations that can change while the host has the device.
    private const uint DynamicFeatures =
        EpcRegister.FeatureDynamicInbound | EpcRegister.FeatureSubrangeInbound | EpcRegister.FeatureDoorbell;

    private readonly Action<string> _fail;
    private readonly EpInterrupts _interrupts = new();
    private readonly GuestBus _guest;
    private readonly EndpointFunction[] _functions;
    private readonly LinkControl _link;
    private readonly GlobalRegisters _registers;
    private readonly OutboundUnit _outbound;
    private readonly DmaEngine _dma;

    /// <summary>A controller out of reset.</summary>
    /// <param name="connect">Makes the link to the host, given the functions.</param>
    /// <param name="logger">The logger.</param>
    /// <param name="fail">Ends the process, with the reason, where going on would do harm.</param>
    /// <param name="mapBars">Whether the host's QEMU may map BARs.</param>
    /// <param name="mappedWindow">Bytes of the mapped window; 0 for none.</param>
    public EpcController(
        Func<IEndpoint, IHostLink> connect,
        ILogger logger,
        Action<string> fail,
        bool mapBars = false,
        ulong mappedWindow = 0)
    {
        _fail = fail;
        _guest = new GuestBus(_interrupts);
        var controllerLock = new Lock();
        var training = new LinkTraining();
        var events = new GlobalEvents(_interrupts);
        var inboundGate = new AccessGate();
        _functions = [.. Enumerable.Range(0, EpcLimits.Functions).Select(number => new EndpointFunction(
            new FunctionId(number), controllerLock, training, events, _guest, inboundGate, logger))];
        IHostLink link = connect(this);
        Array.ForEach(_functions, function => function.Port = link.PortOf(function));

        FunctionRequester[] requesters = Array.ConvertAll(_functions, static function => function.Requester);
        _outbound = new OutboundUnit(
            mappedWindow, training, link, requesters, () => _interrupts.Fire(EpInterrupts.WindowVector), logger);
        _dma = new DmaEngine(link, requesters, _guest, _outbound, _interrupts, logger);

        _link = new LinkControl(controllerLock, training, link, _functions, events, _outbound);
        uint features = Features
            | (mapBars ? 0 : DynamicFeatures)
            | Field.Put(EpcRegister.FeatureMappedWindow, mappedWindow > 0);
        _registers = new GlobalRegisters(features, controllerLock, _link, events, _guest, _outbound.MappedWindow);
    }

    public IReadOnlyList<IFunction> Functions => _functions;

    public bool HasPendingPostedWrites => _guest.Client?.HasPendingPostedWrites ?? false;

    /// <summary>The mapped window, to be served to the EP guest's QEMU if it has a size.</summary>
    public IWindowDevice MappedWindow => _outbound.MappedWindow;

    /// <summary>Connects the EP guest and its interrupts. Called once, before any access of the guest.</summary>
    public void AttachGuest(IVfioUserClient guest, IrqIndex interrupts)
    {
        _guest.Attach(guest);
        _interrupts.Attach(guest, interrupts);
    }

    /// <summary>The EP guest has programmed the controller's own BARs.</summary>
    public void MoveBars(ControllerBars bars) => _guest.Bars = bars;

    /// <summary>
    /// Lets the controller reach the EP guest's memory and interrupt it, or not. On return from false, no access of the
    /// controller or of the host to that memory is under way.
    /// </summary>
    public void SetBusMaster(bool enabled)
    {
        if (enabled != _guest.IsBusMaster)
        {
            ChangeInbound(0, ulong.MaxValue, () => _guest.SetBusMaster(enabled));
        }
    }

    /// <summary>The EP guest reads BAR2.</summary>
    public void ReadWindow(ulong offset, Span<byte> destination) => _outbound.Window.Read(offset, destination);

    /// <summary>The EP guest writes BAR2.</summary>
    public void WriteWindow(ulong offset, ReadOnlySpan<byte> source) => _outbound.Window.Write(offset, source);

    /// <summary>Adds memory of the EP guest.</summary>
    public void MapGuestMemory(DmaRange range) =>
        ChangeInbound(range.Address, range.Size, () => _guest.Map(range));

    /// <summary>Removes memory of the EP guest: on return the bridge does not use it.</summary>
    public void UnmapGuestMemory(DmaRange range) =>
        ChangeInbound(range.Address, range.Size, () => _guest.Unmap(range));

    /// <inheritdoc cref="IRegisterBlock.Read"/>
    public uint Read(int offset) => offset switch
    {
        >= EpcRegister.FunctionBase => FunctionOf(offset)?.Registers.Read(offset % EpcRegister.FunctionStride) ?? 0,
        >= EpcRegister.OutboundBase => _outbound.Registers.Read(offset - EpcRegister.OutboundBase),
        >= EpcRegister.DmaBase => _dma.Read(offset - EpcRegister.DmaBase),
        >= EpcRegister.Doorbell => 0,
        _ => _registers.Read(offset),
    };

    /// <inheritdoc cref="IRegisterBlock.Write"/>
    public void Write(int offset, uint value)
    {
        switch (offset)
        {
            case >= EpcRegister.FunctionBase:
                if (FunctionOf(offset)?.Registers.Write(offset % EpcRegister.FunctionStride, value) ?? false)
                {
                    _link.TrainIfReady();
                }

                break;
            case >= EpcRegister.OutboundBase:
                _outbound.Registers.Write(offset - EpcRegister.OutboundBase, value);
                break;
            case >= EpcRegister.DmaBase:
                _dma.Write(offset - EpcRegister.DmaBase, value);
                break;
            case EpcRegister.Doorbell:
                _interrupts.Fire(EpInterrupts.DoorbellVector);
                break;
            default:
                _registers.Write(offset, value);
                break;
        }
    }

    /// <summary>
    /// The EP guest resets the controller, or is gone: takes the link down, stops DMA, clears all functions and
    /// translations, and puts every register to its reset value.
    /// </summary>
    public void Reset()
    {
        _link.Disable();
        _dma.Reset();
        Array.ForEach(_functions, static function => function.Registers.Reset());
        _outbound.Reset();
        _registers.Reset();
    }

    public void HostPresenceChanged(bool present) => _link.HostPresenceChanged(present);

    public bool DrainPostedWrites() => _guest.Client?.DrainPostedWrites() ?? true;

    public void AfterReconcile(Action then) => _outbound.MappedWindow.AfterReconcile(then);

    public void HostKeepsBars() => _fail(
        "the endpoint is gone, but the host's QEMU still has its BARs mapped to memory of the EP guest (--map-bars): "
        + "remove the device from the host (device_del), or end that guest, before the endpoint stops");

    /// <summary>Ends the threads of DMA and of the mapped window.</summary>
    public void Dispose()
    {
        _dma.Dispose();
        _outbound.Dispose();
    }

    private EndpointFunction? FunctionOf(int offset)
    {
        int index = (offset - EpcRegister.FunctionBase) / EpcRegister.FunctionStride;
        return index < _functions.Length ? _functions[index] : null;
    }

    /// <summary>Changes what a range of EP-local addresses leads to, while the bridge does not use it.</summary>
    private void ChangeInbound(ulong address, ulong size, Action change)
    {
        List<(EndpointFunction Function, int Bar)> affected =
        [
            .. from function in _functions
               from bar in Enumerable.Range(0, PciRegister.BaseAddressCount)
               where function.LeadsInto(bar, address, size)
               select (function, bar),
        ];
        foreach ((EndpointFunction function, int bar) in affected)
        {
            if (!function.Port.InboundChanging(bar))
            {
                _fail($"BAR {bar} of function {function.Id} has lost memory of the EP guest that the host's QEMU has "
                    + "mapped (--map-bars)");
            }
        }

        change();
        affected.ForEach(static inbound => inbound.Function.Port.InboundChanged(inbound.Bar));
    }
}
