using EpfTest.EpcDevice.Dma;
using EpfTest.EpcDevice.Functions;
using EpfTest.EpcDevice.Guest;
using EpfTest.EpcDevice.Link;
using EpfTest.EpcDevice.Outbound;
using EpfTest.EpcDevice.Registers;
using EpfTest.Protocol.Hosting;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie.ConfigurationSpace;
using EpfTest.Protocol.VfioUser;
using EpfTest.Protocol.VhostUser;
using Microsoft.Extensions.Logging;

namespace EpfTest.EpcDevice;

/// <summary>
/// The endpoint controller: what its registers do (<c>docs/registers.md</c>). Between the EP guest, whose accesses
/// <see cref="EpcPciDevice"/> hands over, and the host, which is reached by <see cref="IHostLink"/> and comes in by
/// <see cref="IEndpoint"/>.
/// </summary>
/// <remarks>
/// <para>Three kinds of threads use it. The one that serves the EP guest reads and writes registers and the window; all
/// commits are its own, so what it has checked stays true until it is applied. The one that receives from the link brings
/// the host's accesses. Each DMA channel has one that works on its ring.</para>
/// <para>One lock guards what the first two share: the link's state, the functions' committed pieces and configuration
/// spaces, and events. It is never held while a member of <see cref="IHostLink"/> is called, since those may wait for the
/// bridge, whose frames the second thread must be free to receive. Moving bytes takes no lock here: translations are
/// immutable and swapped, and an <see cref="AccessGate"/> tells when the last access through an old one has ended. DMA
/// channels have their registers to themselves.</para>
/// <para>So waits go one way only. The serving thread may wait for the link (a time limit), for accesses inside a gate
/// (they wait for the link at most) and for a DMA channel's piece (likewise). The link's thread waits for the lock, which
/// is held for a few instructions; a function's slow path also, outside of gates, for memory that the EP guest's QEMU does not
/// share, with that connection's time limit. DMA threads may wait for all of these; nobody waits for them with the lock.</para>
/// </remarks>
internal sealed partial class EpcController : IRegisterBlock, IDisposable
{
    private readonly Lock _lock = new();
    private readonly Action<string> _fail;
    private readonly uint _features;
    private readonly LinkTraining _link = new();
    private readonly IHostLink _host;
    private readonly EpInterrupts _interrupts = new();
    private readonly GuestBus _guest;
    private readonly GlobalEvents _events;
    private readonly FunctionBlock[] _functions = new FunctionBlock[EpcLimits.Functions];
    private readonly OutboundWindow _window;
    private readonly OutboundTable _outbounds;
    private readonly MappedWindow _mapped;
    private readonly DmaEngine _dma;
    private uint _scratch;
    private Register64 _windowAddress;

    /// <summary>A controller out of reset.</summary>
    /// <param name="connect">Makes the link to the host, given the functions.</param>
    /// <param name="logger">Told what goes wrong.</param>
    /// <param name="fail">Ends the process, with the reason, where going on would do harm.</param>
    /// <param name="mapBars">Whether the host's QEMU may map BARs.</param>
    /// <param name="mappedWindow">Bytes of the mapped window; 0 for none.</param>
    public EpcController(
        Func<IEndpoint, IHostLink> connect, ILogger logger, Action<string> fail, bool mapBars = false, ulong mappedWindow = 0)
    {
        _fail = fail;
        _features = mapBars ? Features & ~FeaturesOfChange : Features;
        _guest = new GuestBus(_interrupts);
        _events = new GlobalEvents(_interrupts);
        var inboundGate = new AccessGate();
        for (int i = 0; i < _functions.Length; i++)
        {
            _functions[i] = new FunctionBlock(i, _lock, _link, _events, _guest, inboundGate, logger);
        }

        _host = connect(this);
        Array.ForEach(_functions, function => function.Port = _host.PortOf(function));
        var host = new HostRequests(_link, _host, _functions);
        _mapped = new MappedWindow(mappedWindow, _link, _host, _functions, () => _interrupts.Fire(EpInterrupts.WindowVector), logger);
        _window = new OutboundWindow(host, new BurstLog(logger));
        var mappedPath = new OutboundWindow(host, new BurstLog(logger));
        _outbounds = new OutboundTable(_window, mappedPath, _mapped);
        _dma = new DmaEngine(new DmaPort(host, _guest, _window, mappedPath), _interrupts, logger);
    }

    /// <summary>The mapped window, to be served to the EP guest's QEMU where it has a size.</summary>
    public IWindowDevice MappedWindow => _mapped;

    /// <summary>Says who the EP guest is, and how it is interrupted. To be called once, before anything of the guest's.</summary>
    public void AttachGuest(IVfioUserClient guest, IrqIndex interrupts)
    {
        _guest.Attach(guest);
        _interrupts.Attach(guest, interrupts);
    }

    /// <summary>The EP guest has programmed the controller's own BARs.</summary>
    public void MoveBars(ControllerBars bars) => _guest.Bars = bars;

    /// <summary>
    /// Whether the EP guest lets the controller reach its memory and interrupt it. Once it does not, nothing of the
    /// controller's or of the host's is under way in there.
    /// </summary>
    public void SetBusMaster(bool enabled)
    {
        if (enabled != _guest.IsBusMaster)
        {
            ChangeInbound(static (function, bar) => function.LeadsInto(bar, 0, ulong.MaxValue), () => _guest.SetBusMaster(enabled));
        }
    }

    /// <summary>The EP guest reads BAR2.</summary>
    public void ReadWindow(ulong offset, Span<byte> destination) => _window.Read(offset, destination);

    /// <summary>The EP guest writes BAR2.</summary>
    public void WriteWindow(ulong offset, ReadOnlySpan<byte> source) => _window.Write(offset, source);

    /// <summary>Memory of the EP guest is there from now on.</summary>
    public void MapGuestMemory(DmaRange range) => ChangeGuestMemory(range, _guest.Map);

    /// <summary>Memory of the EP guest is about to go: on return the bridge has let go of it.</summary>
    public void UnmapGuestMemory(DmaRange range) => ChangeGuestMemory(range, _guest.Unmap);

    /// <summary>
    /// The EP guest resets the controller, or is gone: takes the link down, stops DMA, forgets all functions and
    /// translations, and puts every register to its reset value.
    /// </summary>
    public void Reset()
    {
        DisableLink();
        _dma.Reset();
        foreach (FunctionBlock function in _functions)
        {
            function.Reset();
        }

        _outbounds.Reset();
        _mapped.Reset();
        _guest.MappedWindow = null;
        _windowAddress = default;
        _scratch = 0;
        lock (_lock)
        {
            _events.Reset();
        }
    }

    /// <summary>Stops DMA and the mapped window's thread for good.</summary>
    public void Dispose()
    {
        _dma.Dispose();
        _mapped.Dispose();
    }

    private void ChangeGuestMemory(DmaRange range, Action<DmaRange> change) => ChangeInbound(
        (function, bar) => function.LeadsInto(bar, range.Address, range.Size), () => change(range));

    private void ChangeInbound(Func<FunctionBlock, int, bool> isAffected, Action change)
    {
        List<(FunctionBlock Function, int Bar)> affected = [];
        foreach (FunctionBlock function in _functions)
        {
            for (int bar = 0; bar < PciRegister.BaseAddressCount; bar++)
            {
                if (isAffected(function, bar))
                {
                    affected.Add((function, bar));
                }
            }
        }

        foreach ((FunctionBlock function, int bar) in affected)
        {
            if (!function.Port.InboundChanging(bar))
            {
                _fail($"BAR {bar} of function {function.Id} has lost memory of the EP guest to which the host's QEMU has it "
                    + "mapped (--map-bars)");
            }
        }

        change();
        affected.ForEach(static inbound => inbound.Function.Port.InboundChanged(inbound.Bar));
    }
}
