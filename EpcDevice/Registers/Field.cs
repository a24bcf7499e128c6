using System.Numerics;

namespace EpfTest.EpcDevice.Registers;

/// <summary>Fields of registers, named by their masks like Linux' FIELD_GET() and FIELD_PREP().</summary>
internal static class Field
{
    /// <summary>The value of a field.</summary>
    public static int Get(uint mask, uint register) =>
        (int)((register & mask) >> BitOperations.TrailingZeroCount(mask));

    /// <summary>A register with <paramref name="value"/> in the field, and 0 elsewhere.</summary>
    public static uint Put(uint mask, int value) => ((uint)value << BitOperations.TrailingZeroCount(mask)) & mask;

    /// <summary>A register with <paramref name="bit"/> set if <paramref name="value"/>.</summary>
    public static uint Put(uint bit, bool value) => value ? bit : 0;
}
