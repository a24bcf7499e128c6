using System.Buffers.Binary;

namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

// The Base Address Registers (section 7.5.1.2.1).
internal sealed partial class ConfigSpace
{
    private readonly BarSpec?[] _bars = new BarSpec?[PciRegister.BaseAddressCount];

    /// <summary>The BARs by number; null if a BAR is not set, or an upper half.</summary>
    public IReadOnlyList<BarSpec?> Bars => _bars;

    /// <summary>Adds a BAR; of a 64-bit one, <paramref name="index"/> is its lower half.</summary>
    /// <exception cref="ArgumentException">There cannot be such a BAR; the message says why.</exception>
    public void AddBar(int index, BarSpec bar)
    {
        if (!CanAddBar(index, bar, out string? reason))
        {
            throw new ArgumentException(reason);
        }
        _bars[index] = bar;
        // The low 4 (memory) or 2 (I/O) bits are below any size that passes the check, so flags are never writable.
        Registers.Define(BarOffset(index), 4, bar.Flags, writable: (uint)bar.AddressMask);
        if (bar.Kind == BarKind.Memory64)
        {
            Registers.Define(BarOffset(index + 1), 4, 0, writable: (uint)(bar.AddressMask >> 32));
        }
    }

    /// <summary>
    /// The host bus address that the host programmed into a BAR that is set. The BAR claims it only while Command
    /// enables its space.
    /// </summary>
    public ulong BarAddress(int index)
    {
        BarSpec bar = _bars[index]!.Value;
        ulong registers = bar.Kind == BarKind.Memory64
            ? BinaryPrimitives.ReadUInt64LittleEndian(Registers.Bytes[BarOffset(index)..])
            : Registers.GetDword(BarOffset(index));
        return registers & bar.AddressMask;
    }

    private bool CanAddBar(int index, BarSpec bar, out string? reason)
    {
        if (!bar.TryCheck(out reason))
        {
            return false;
        }
        bool is64Bit = bar.Kind == BarKind.Memory64;
        reason = index is < 0 or >= PciRegister.BaseAddressCount ? $"there is no BAR{index}"
            : _bars[index] is not null ? $"BAR{index} is set already"
            : index > 0 && _bars[index - 1] is { Kind: BarKind.Memory64 }
                ? $"BAR{index} is the upper half of BAR{index - 1}"
            : is64Bit && index + 1 == _bars.Length ? $"BAR{index} cannot be 64-bit: no BAR is left for its upper half"
            : is64Bit && _bars[index + 1] is not null ? $"BAR{index} cannot be 64-bit: BAR{index + 1} is set"
            : null;
        return reason is null;
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
}
