using System.Buffers.Binary;

namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

// The Base Address Registers: PCI Express Base Specification 6.0, section 7.5.1.2.1.
internal sealed partial class ConfigSpace
{
    private readonly BarSpec?[] _bars = new BarSpec?[PciRegister.BaseAddressCount];

    /// <summary>What BAR <paramref name="index"/> asks for; null when it is not set, or an upper half.</summary>
    /// <param name="index">0 to 5.</param>
    /// <exception cref="ArgumentException">There is no such BAR.</exception>
    public BarSpec? GetBar(int index)
    {
        CheckBarIndex(index);
        return _bars[index];
    }

    /// <summary>
    /// Sets a BAR, or replaces it. Setting it as it was keeps the address that the host programmed; otherwise the
    /// address is 0 again.
    /// </summary>
    /// <param name="index">0 to 5; of a 64-bit BAR its lower half.</param>
    /// <param name="bar">What the BAR asks for.</param>
    /// <exception cref="ArgumentException">The BAR cannot be; the message says why.</exception>
    public void SetBar(int index, BarSpec bar)
    {
        CheckBarIndex(index);
        bar.Check();
        CheckNotUpperHalf(index);
        if (_bars[index] == bar)
        {
            return;
        }
        if (bar.Kind == BarKind.Memory64)
        {
            if (index + 1 == _bars.Length)
            {
                throw new ArgumentException($"BAR{index} cannot be 64-bit: no BAR is left for its upper half");
            }
            if (_bars[index + 1] is not null)
            {
                throw new ArgumentException($"BAR{index} cannot be 64-bit: BAR{index + 1} is set");
            }
        }
        ClearBar(index);
        _bars[index] = bar;
        // The low 4 (memory) or 2 (I/O) bits are below any size that Check() lets pass, so flags are never writable.
        Registers.Define(BarOffset(index), 4, bar.Flags, writable: (uint)bar.AddressMask);
        if (bar.Kind == BarKind.Memory64)
        {
            Registers.Define(BarOffset(index + 1), 4, 0, writable: (uint)(bar.AddressMask >> 32));
        }
    }

    /// <summary>Takes a BAR away: it reads 0 and cannot be written. Nothing happens if it is not set.</summary>
    /// <param name="index">0 to 5; of a 64-bit BAR its lower half.</param>
    /// <exception cref="ArgumentException">There is no such BAR, or it is an upper half.</exception>
    public void ClearBar(int index)
    {
        CheckBarIndex(index);
        CheckNotUpperHalf(index);
        for (int i = 0; i < (_bars[index]?.RegisterCount ?? 0); i++)
        {
            Registers.Define(BarOffset(index + i), 4, 0);
        }
        _bars[index] = null;
    }

    /// <summary>
    /// The host bus address that the host programmed, in memory or I/O space. It counts only while the Command register
    /// enables that space.
    /// </summary>
    /// <param name="index">0 to 5; of a 64-bit BAR its lower half.</param>
    /// <exception cref="ArgumentException">The BAR is not set.</exception>
    public ulong BarAddress(int index)
    {
        CheckBarIndex(index);
        CheckNotUpperHalf(index);
        if (_bars[index] is not { } bar)
        {
            throw new ArgumentException($"BAR{index} is not set");
        }
        ulong registers = bar.Kind == BarKind.Memory64
            ? BinaryPrimitives.ReadUInt64LittleEndian(Registers.Bytes[BarOffset(index)..])
            : Registers.GetDword(BarOffset(index));
        return registers & bar.AddressMask;
    }

    private int ChangedBars()
    {
        int changed = 0;
        for (int index = 0; index < _bars.Length; index++)
        {
            if (_bars[index] is { } bar && Changed(BarOffset(index), bar.RegisterCount * sizeof(uint)))
            {
                changed |= 1 << index;
            }
        }
        return changed;
    }

    private static int BarOffset(int index) => PciRegister.BaseAddress0 + (index * sizeof(uint));

    private void CheckNotUpperHalf(int index)
    {
        if (index > 0 && _bars[index - 1] is { Kind: BarKind.Memory64 })
        {
            throw new ArgumentException($"BAR{index} is the upper half of 64-bit BAR{index - 1}");
        }
    }

    private static void CheckBarIndex(int index)
    {
        if (index is < 0 or >= PciRegister.BaseAddressCount)
        {
            throw new ArgumentException($"there is no BAR{index}: a function has BAR0 to BAR5");
        }
    }
}
