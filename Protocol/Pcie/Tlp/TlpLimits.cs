using System.Numerics;
using System.Runtime.CompilerServices;

namespace EpfTest.Protocol.Pcie.Tlp;

/// <summary>Sizes that the PCI Express Base Specification fixes, in bytes unless the name says otherwise.</summary>
internal static class TlpLimits
{
    public const int Dw = 4;
    public const int Header3Dw = 3 * Dw;
    public const int Header4Dw = 4 * Dw;

    /// <summary>The meaning of 0 in Length.</summary>
    public const int MaxLengthDw = 1024;

    /// <summary>The longest payload, and the largest read (Length = 1024 DW).</summary>
    public const int MaxPayload = MaxLengthDw * Dw;

    /// <summary>The smallest value of MPS and MRRS.</summary>
    public const int MinPayload = 128;

    /// <summary>No memory request crosses a multiple of this.</summary>
    public const int RequestBoundary = 4096;

    /// <summary>The smallest read completion boundary: partial completions end at multiples of it.</summary>
    public const int MinReadCompletionBoundary = 64;

    /// <summary>The other read completion boundary, which every completer but a root complex uses.</summary>
    public const int MaxReadCompletionBoundary = 128;

    /// <summary>One more than the highest 10-bit tag.</summary>
    public const int MaxTags = 1024;

    /// <summary>Refuses values that MPS and MRRS cannot have.</summary>
    internal static void ThrowIfNotPayloadSize(
        int value, [CallerArgumentExpression(nameof(value))] string? parameter = null)
    {
        if (value is < MinPayload or > MaxPayload || !BitOperations.IsPow2(value))
        {
            throw new ArgumentOutOfRangeException(parameter, value, "a payload size is a power of two, 128 to 4096");
        }
    }
}
