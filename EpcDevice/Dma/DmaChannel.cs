using EpfTest.EpcDevice.Functions;
using EpfTest.EpcDevice.Guest;
using EpfTest.EpcDevice.Link;
using EpfTest.EpcDevice.Registers;
using Microsoft.Extensions.Logging;

namespace EpfTest.EpcDevice.Dma;

/// <summary>The registers of a DMA channel. Belongs to the thread that serves the EP guest.</summary>
internal sealed class DmaChannel(
    int index,
    IHostLink host,
    FunctionRequester[] functions,
    DmaPort port,
    EpInterrupts interrupts,
    ILogger logger)
    : IRegisterBlock, IDisposable
{
    private readonly DescriptorRing _ring = new(index, port, host, interrupts, logger);
    private readonly StagedRegisters _staged = new(EpcRegister.DmaTail);
    private DmaWorker? _worker;
    private int _function;

    /// <inheritdoc/>
    public uint Read(int offset)
    {
        lock (_ring.Guard)
        {
            return offset switch
            {
                EpcRegister.DmaControl => Field.Put(EpcRegister.DmaControlEnable, _ring.IsEnabled)
                    | Field.Put(EpcRegister.DmaControlFunction, _function),
                EpcRegister.DmaStatus => Field.Put(EpcRegister.DmaStatusRunning, _ring.IsRunning)
                    | Field.Put(EpcRegister.DmaStatusRingError, _ring.HasError),
                >= EpcRegister.DmaRingLo and <= EpcRegister.DmaRingSize => _staged[offset],
                EpcRegister.DmaTail => _ring.Tail,
                EpcRegister.DmaHead => _ring.Head,
                EpcRegister.DmaIrqStatus => _ring.Events.Status,
                EpcRegister.DmaIrqMask => _ring.Events.Mask,
                _ => 0,
            };
        }
    }

    /// <inheritdoc/>
    public void Write(int offset, uint value)
    {
        lock (_ring.Guard)
        {
            switch (offset)
            {
                case EpcRegister.DmaControl:
                    Control(value);
                    break;
                case >= EpcRegister.DmaRingLo and <= EpcRegister.DmaRingSize when !_ring.IsEnabled:
                    _staged[offset] = value;
                    break;
                case EpcRegister.DmaTail:
                    _ring.SetTail(value);
                    break;
                case EpcRegister.DmaIrqStatus:
                    _ring.Events.Clear(value);
                    break;
                case EpcRegister.DmaIrqMask:
                    _ring.Events.Mask = value;
                    break;
            }
        }
    }

    /// <summary>Stops the channel and puts every register to its reset value.</summary>
    public void Reset()
    {
        lock (_ring.Guard)
        {
            _ring.Stop();
            _ring.Clear();
            _ring.Events.Reset();
            _function = 0;
            _staged.Clear();
        }
    }

    /// <summary>Ends the channel's thread.</summary>
    public void Dispose()
    {
        lock (_ring.Guard)
        {
            _ring.Dispose();
        }

        _worker?.Join();
    }

    private void Control(uint value)
    {
        bool reset = (value & EpcRegister.DmaControlReset) != 0;
        bool enable = (value & EpcRegister.DmaControlEnable) != 0;
        int function = Field.Get(EpcRegister.DmaControlFunction, value);
        if (_ring.IsEnabled && (reset || !enable || function != _function))
        {
            _ring.Stop();
        }

        if (reset)
        {
            _ring.Clear();
        }

        _function = function;
        var run = new DmaRun(
            _staged.Get64(EpcRegister.DmaRingLo),
            _staged[EpcRegister.DmaRingSize],
            functions.ElementAtOrDefault(function));
        if (enable && !_ring.IsEnabled && _ring.Enable(run))
        {
            _worker ??= new DmaWorker(index, _ring, port, host);
        }
    }
}
