using EpfTest.EpcDevice.Guest;
using EpfTest.EpcDevice.Registers;

namespace EpfTest.EpcDevice.Dma;

/// <summary>A channel's IRQ_STATUS and IRQ_MASK, and the vector that reports them.</summary>
internal sealed class DmaEvents(EpInterrupts interrupts, int vector)
{
    private EventBits _bits = new();

    public uint Status => _bits.Status;

    public uint Mask
    {
        get => _bits.Mask;
        set
        {
            _bits.Mask = value;
            FireIf(_bits.Pending);
        }
    }

    public void Raise(uint bits) => FireIf(_bits.Raise(bits));

    public void Clear(uint bits)
    {
        _bits.Clear(bits);
        FireIf(_bits.Pending);
    }

    public void Reset() => _bits = new EventBits();

    private void FireIf(bool pending)
    {
        if (pending)
        {
            interrupts.Fire(vector);
        }
    }
}
