using EpfTest.Protocol.ConfigurationSpace;

namespace EpfTest.EpcDevice.Functions;

/// <summary>Which BAR claims a host bus address, as the host has programmed them. Immutable, for any thread.</summary>
internal sealed class BarDecoder
{
    /// <summary>Claims nothing.</summary>
    public static readonly BarDecoder None = new([]);

    private readonly Claim[] _claims;

    private BarDecoder(Claim[] claims) => _claims = claims;

    /// <summary>What a function claims: of the BARs in <paramref name="set"/> those whose space is enabled, in D0.</summary>
    public static BarDecoder Of(ConfigSpace config, ReadOnlySpan<BarSpec?> set)
    {
        var claims = new List<Claim>();
        for (int bar = 0; bar < set.Length && config.PowerState == PowerState.D0; bar++)
        {
            if (set[bar] is { } spec && config.GetBar(bar) == spec)
            {
                bool io = spec.Kind == BarKind.Io;
                if (io ? config.IoSpaceEnable : config.MemorySpaceEnable)
                {
                    claims.Add(new Claim(bar, io, config.BarAddress(bar), spec.Size));
                }
            }
        }

        return new BarDecoder([.. claims]);
    }

    /// <summary>Finds the BAR that holds <paramref name="address"/>.</summary>
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
