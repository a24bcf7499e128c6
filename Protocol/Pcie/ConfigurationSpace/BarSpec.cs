using System.Diagnostics.CodeAnalysis;
using System.Numerics;

namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>What a Base Address Register asks the host for (section 7.5.1.2.1).</summary>
/// <param name="Kind">Address space and width.</param>
/// <param name="Size">Bytes: a power of two.</param>
/// <param name="Prefetchable">Whether reads have no side effects and writes may be merged; memory only.</param>
internal readonly record struct BarSpec(BarKind Kind, ulong Size, bool Prefetchable = false)
{
    // Bits of Flags.
    public const uint IoSpaceIndicator = 0x1;
    public const uint Type64Bit = 0x4;
    public const uint PrefetchableBit = 0x8;

    /// <summary>Number of BAR registers: 2 for a 64-bit BAR.</summary>
    public int RegisterCount => Kind == BarKind.Memory64 ? 2 : 1;

    /// <summary>Read-only low bits of the register, also those of EPC registers and link messages.</summary>
    public uint Flags => Kind switch
    {
        BarKind.Io => IoSpaceIndicator,
        BarKind.Memory64 => Type64Bit,
        _ => 0,
    } | (Prefetchable ? PrefetchableBit : 0);

    /// <summary>Address bits that the host can write; the others are below the size and read 0.</summary>
    public ulong AddressMask => ~(Size - 1);

    /// <summary>Makes a BAR of its <see cref="Flags"/> and size.</summary>
    /// <returns>False if a register cannot encode it.</returns>
    public static bool TryCreate(uint flags, ulong size, out BarSpec bar)
    {
        BarKind kind = (flags & ~PrefetchableBit) switch
        {
            IoSpaceIndicator => BarKind.Io,
            Type64Bit => BarKind.Memory64,
            0 => BarKind.Memory32,
            _ => (BarKind)(-1),
        };
        bar = new BarSpec(kind, size, (flags & PrefetchableBit) != 0);
        return bar.TryCheck(out _);
    }

    /// <summary>
    /// Whether a register can encode this. Sizes outside the range of the specification (memory from 128 bytes, I/O to
    /// 256) pass: hosts accept them, and an EP driver may ask for them.
    /// </summary>
    public bool TryCheck([NotNullWhen(false)] out string? reason)
    {
        (ulong min, ulong max) = Kind switch
        {
            BarKind.Memory32 => (16UL, 1UL << 31),
            BarKind.Memory64 => (16UL, 1UL << 63),
            BarKind.Io => (4UL, 1UL << 31),
            _ => default,
        };
        reason = max == 0 ? $"{Kind} is not a kind of BAR"
            : !BitOperations.IsPow2(Size) ? $"BAR size 0x{Size:x} is not a power of two"
            : Size < min || Size > max ? $"BAR size 0x{Size:x} is not in 0x{min:x}..0x{max:x}, the range of {Kind}"
            : Kind == BarKind.Io && Prefetchable ? "an I/O BAR cannot be prefetchable"
            : null;
        return reason is null;
    }
}
