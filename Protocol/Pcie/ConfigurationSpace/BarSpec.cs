using System.Numerics;

namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// What a Base Address Register asks the host for. PCI Express Base Specification 6.0, section 7.5.1.2.1.
/// </summary>
/// <remarks>
/// Only what the register cannot encode is refused. The specification also wants memory to be at least 128 bytes and
/// I/O at most 256; hosts size what is outside all the same, so an EP driver may ask for it.
/// </remarks>
/// <param name="Kind">Address space and width.</param>
/// <param name="Size">Size in bytes: a power of two.</param>
/// <param name="Prefetchable">Whether reads have no side effects and writes may be merged; memory only.</param>
internal readonly record struct BarSpec(BarKind Kind, ulong Size, bool Prefetchable = false)
{
    private const uint IoSpaceIndicator = 0x1;
    private const uint Type64Bit = 0x4;
    private const uint PrefetchableBit = 0x8;

    /// <summary>Number of BAR registers taken: 2 for a 64-bit BAR.</summary>
    public int RegisterCount => Kind == BarKind.Memory64 ? 2 : 1;

    /// <summary>Read-only low bits of the register.</summary>
    internal uint Flags => Kind switch
    {
        BarKind.Io => IoSpaceIndicator,
        BarKind.Memory64 => Type64Bit,
        _ => 0,
    } | (Prefetchable ? PrefetchableBit : 0);

    /// <summary>Address bits that the host can write; the others are below the size and read 0.</summary>
    internal ulong AddressMask => ~(Size - 1);

    /// <summary>Checks that the register can encode this.</summary>
    /// <exception cref="ArgumentException">It cannot; the message says why.</exception>
    public void Check()
    {
        (ulong min, ulong max) = Kind switch
        {
            BarKind.Memory32 => (16UL, 1UL << 31),
            BarKind.Memory64 => (16UL, 1UL << 63),
            BarKind.Io => (4UL, 1UL << 31),
            _ => throw new ArgumentException($"{Kind} is not a kind of BAR"),
        };
        if (!BitOperations.IsPow2(Size))
        {
            throw new ArgumentException($"BAR size 0x{Size:x} is not a power of two");
        }
        if (Size < min || Size > max)
        {
            throw new ArgumentException($"BAR size 0x{Size:x} is not in 0x{min:x}..0x{max:x}, the range of {Kind}");
        }
        if (Kind == BarKind.Io && Prefetchable)
        {
            throw new ArgumentException("an I/O BAR cannot be prefetchable");
        }
    }
}
