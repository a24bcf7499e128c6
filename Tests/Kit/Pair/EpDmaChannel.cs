using EpfTest.EpcDevice.Registers;

namespace EpfTest.Kit.Pair;

/// <summary>A DMA channel of the controller as the EP guest's driver uses it.</summary>
internal sealed class EpDmaChannel
{
    public const uint FromHost = EpcRegister.DescFlagSourceHost;
    public const uint ToHost = EpcRegister.DescFlagDestinationHost;

    private const uint RingSize = 64;
    private const ulong Rings = 0x8000;

    private readonly EpGuest _ep;
    private readonly int _registers;
    private readonly ulong _ring;
    private uint _tail;

    public EpDmaChannel(EpGuest ep, int channel, int function = 0, bool reset = false)
    {
        _ep = ep;
        _registers = EpcRegister.DmaBase + (channel * EpcRegister.DmaStride);
        _ring = Rings + ((ulong)channel * RingSize * EpcRegister.DescSize);
        if (reset)
        {
            ep[_registers + EpcRegister.DmaControl] = EpcRegister.DmaControlReset;
        }

        ep[_registers + EpcRegister.DmaRingLo] = (uint)_ring;
        ep[_registers + EpcRegister.DmaRingSize] = RingSize;
        ep[_registers + EpcRegister.DmaIrqMask] = 0;
        ep[_registers + EpcRegister.DmaControl] = 1u | (uint)function << 8;
    }

    /// <summary>Puts a descriptor into the ring; there is room. It is begun with the next that is to
    /// <paramref name="start"/>.</summary>
    public void Submit(ulong source, ulong destination, int length, uint flags, bool start = true)
    {
        _ep.Store(
            _ring + (_tail * EpcRegister.DescSize),
            new WireBytes().U64(source, destination).U32((uint)length, flags, 0, 0).ToArray());
        _tail = (_tail + 1) % RingSize;
        if (start)
        {
            _ep[_registers + EpcRegister.DmaTail] = _tail;
        }
    }

    /// <summary>Waits until the ring is empty.</summary>
    /// <returns>The status of the last descriptor.</returns>
    public uint Finish()
    {
        Wait.Until(() => _ep[_registers + EpcRegister.DmaHead] == _tail, "the ring is empty");
        uint last = (_tail + RingSize - 1) % RingSize;
        return _ep.Load32(_ring + (last * EpcRegister.DescSize) + EpcRegister.DescStatus);
    }

    public uint Run(ulong source, ulong destination, int length, uint flags)
    {
        Submit(source, destination, length, flags);
        return Finish();
    }
}
