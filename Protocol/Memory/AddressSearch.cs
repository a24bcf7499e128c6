using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace EpfTest.Protocol.Memory;

/// <summary>Searches among sorted addresses.</summary>
internal static class AddressSearch
{
    // So few addresses lie in a few cache lines, which are loaded in parallel.
    private const int CountedAtOnce = 64;

    /// <summary>The index of the first address above <paramref name="address"/>; the length if there is none.</summary>
    /// <remarks>Without a branch that depends on the address, since a misprediction costs as much as many
    /// steps.</remarks>
    public static int UpperBound(ReadOnlySpan<ulong> sorted, ulong address)
    {
        int result = 0;
        while (sorted.Length > CountedAtOnce)
        {
            int half = sorted.Length >>> 1;
            int skipped = half & -(sorted[half - 1] <= address ? 1 : 0);
            result += skipped;
            sorted = sorted.Slice(skipped, sorted.Length - half);
        }

        Vector256<ulong> wanted = Vector256.Create(address);
        Vector256<ulong> counts = Vector256<ulong>.Zero;
        ReadOnlySpan<Vector256<ulong>> vectors = MemoryMarshal.Cast<ulong, Vector256<ulong>>(sorted);
        foreach (Vector256<ulong> vector in vectors)
        {
            // A comparison that holds is all ones, which is -1.
            counts -= Vector256.LessThanOrEqual(vector, wanted);
        }

        foreach (ulong candidate in sorted[(vectors.Length * Vector256<ulong>.Count)..])
        {
            result += candidate <= address ? 1 : 0;
        }

        return result + (int)Vector256.Sum(counts);
    }
}
