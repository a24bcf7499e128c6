namespace EpfTest.EpcDevice.Registers;

/// <summary>A 64-bit register that is accessed by halves.</summary>
internal struct Register64
{
    public ulong Value;

    public readonly uint Low => (uint)Value;

    public readonly uint High => (uint)(Value >> 32);

    public void SetLow(uint value) => Value = (Value & ~(ulong)uint.MaxValue) | value;

    public void SetHigh(uint value) => Value = (Value & uint.MaxValue) | ((ulong)value << 32);
}
