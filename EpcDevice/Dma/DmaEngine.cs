using EpfTest.EpcDevice.Functions;
using EpfTest.EpcDevice.Guest;
using EpfTest.EpcDevice.Link;
using EpfTest.EpcDevice.Outbound;
using EpfTest.EpcDevice.Registers;
using Microsoft.Extensions.Logging;

namespace EpfTest.EpcDevice.Dma;

/// <summary>The DMA channels and their registers. Belongs to the thread that serves the EP guest.</summary>
internal sealed class DmaEngine(
    IHostLink host,
    FunctionRequester[] functions,
    GuestBus guest,
    OutboundUnit outbound,
    EpInterrupts interrupts,
    ILogger logger)
    : IRegisterBlock, IDisposable
{
    private readonly DmaChannel[] _channels =
    [
        .. Enumerable.Range(0, EpcLimits.DmaChannels).Select(index => new DmaChannel(
            index, host, functions, new DmaPort(guest, outbound), interrupts, logger)),
    ];

    /// <inheritdoc/>
    public uint Read(int offset)
    {
        int channel = offset / EpcRegister.DmaStride;
        return channel < _channels.Length ? _channels[channel].Read(offset % EpcRegister.DmaStride) : 0;
    }

    /// <inheritdoc/>
    public void Write(int offset, uint value)
    {
        int channel = offset / EpcRegister.DmaStride;
        if (channel < _channels.Length)
        {
            _channels[channel].Write(offset % EpcRegister.DmaStride, value);
        }
    }

    /// <summary>Stops every channel and puts every register to its reset value.</summary>
    public void Reset() => Array.ForEach(_channels, static channel => channel.Reset());

    /// <summary>Ends the channels' threads.</summary>
    public void Dispose() => Array.ForEach(_channels, static channel => channel.Dispose());
}
