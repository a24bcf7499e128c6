using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.EpcDevice.Functions;

/// <summary>Finds the BAR that claims a host bus address. Immutable, for any thread.</summary>
internal sealed class BarDecoder
{
    public static readonly BarDecoder None = new([]);

    private readonly Claim[] _claims;

    private BarDecoder(Claim[] claims) => _claims = claims;

    /// <summary>A decoder for the BARs in <paramref name="set"/> that the host sees and has enabled.</summary>
    public static BarDecoder Of(ConfigSpace config, IReadOnlyList<BarSpec?> set)
    {
        var claims = new List<Claim>();
        for (int bar = 0; bar < set.Count; bar++)
        {
            if (set[bar] is { } spec && config.Bars[bar] == spec && Claims(config, spec.Kind))
            {
                claims.Add(new Claim(bar, spec.Kind == BarKind.Io, config.BarAddress(bar), spec.Size));
            }
        }

        return new BarDecoder([.. claims]);
    }

    /// <summary>Whether a function claims accesses to BARs of a kind: in D0, with their space enabled.</summary>
    public static bool Claims(ConfigSpace config, BarKind kind) =>
        config.PowerState == PowerState.D0
            && (kind == BarKind.Io ? config.IoSpaceEnable : config.MemorySpaceEnable);

    public bool TryDecode(ulong address, bool io, out int bar, out ulong offset)
    {
        foreach (Claim claim in _claims)
        {
            offset = address - claim.Address;
            if (claim.Io == io && offset < claim.Size)
            {
                bar = claim.Bar;
                return true;
            }
        }

        bar = -1;
        offset = 0;
        return false;
    }

    private readonly record struct Claim(int Bar, bool Io, ulong Address, ulong Size);
}
