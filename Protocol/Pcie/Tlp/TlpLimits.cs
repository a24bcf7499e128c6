using System.Numerics;
using System.Runtime.CompilerServices;

namespace EpfTest.Protocol.Pcie.Tlp;

/// <summary>Sizes that the PCI Express Base Specification fixes, in bytes unless the name says otherwise.</summary>
internal static class TlpLimits
{
    /// <summary>One DW.</summary>
    public const int Dw = 4;

    /// <summary>A header of 3 DW.</summary>
    public const int Header3Dw = 3 * Dw;

    /// <summary>A header of 4 DW, the longest.</summary>
    public const int Header4Dw = 4 * Dw;

    /// <summary>What Length 0 stands for.</summary>
    public const int MaxLengthDw = 1024;

    /// <summary>The longest payload, and the largest read (Length = 1024 DW).</summary>
    public const int MaxPayload = MaxLengthDw * Dw;

    /// <summary>The smallest value of MPS and MRRS.</summary>
    public const int MinPayload = 128;

    /// <summary>The longest TLP.</summary>
    public const int MaxTlp = Header4Dw + MaxPayload;

    /// <summary>No memory request crosses a multiple of this.</summary>
    public const int RequestBoundary = 4096;

    /// <summary>The smallest read completion boundary: partial completions end at multiples of it.</summary>
    public const int MinReadCompletionBoundary = 64;

    /// <summary>The other read completion boundary, which every completer but a root complex uses.</summary>
    public const int MaxReadCompletionBoundary = 128;

    /// <summary>One more than the highest 10-bit tag.</summary>
    public const int MaxTags = 1024;

    /// <summary>Refuses what is no value of MPS or MRRS: 128, 256, 512, 1024, 2048 or 4096 bytes.</summary>
    internal static void ThrowIfNotPayloadSize(
        int value, [CallerArgumentExpression(nameof(value))] string? parameter = null)
    {
        if (value is < MinPayload or > MaxPayload || !BitOperations.IsPow2(value))
        {
            throw new ArgumentOutOfRangeException(parameter, value, "Not a payload size: 128 to 4096, a power of two.");
        }
    }
}
