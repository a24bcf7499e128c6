using EpfTest.EpcDevice.Guest;
using EpfTest.EpcDevice.Registers;
using Microsoft.Extensions.Logging;

namespace EpfTest.EpcDevice.Dma;

/// <summary>The DMA channels and their registers. Belongs to the thread that serves the EP guest.</summary>
internal sealed class DmaEngine : IRegisterBlock, IDisposable
{
    private readonly DmaChannel[] _channels = new DmaChannel[EpcLimits.DmaChannels];

    public DmaEngine(DmaPort port, EpInterrupts interrupts, ILogger logger)
    {
        for (int i = 0; i < _channels.Length; i++)
        {
            _channels[i] = new DmaChannel(i, port, interrupts, logger);
        }
    }

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
    public void Reset()
    {
        foreach (DmaChannel channel in _channels)
        {
            channel.Reset();
        }
    }

    /// <summary>Ends the channels' threads.</summary>
    public void Dispose()
    {
        foreach (DmaChannel channel in _channels)
        {
            channel.Dispose();
        }
    }
}
