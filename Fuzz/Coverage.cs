using SharpFuzz.Common;

namespace EpfTest.Fuzz;

/// <summary>The counters of SharpFuzz's instrumentation: a byte for each pair of consecutive branches.</summary>
internal static unsafe class Coverage
{
    /// <summary>How many there are.</summary>
    public const int Count = 1 << 16;

    /// <summary>Where they are counted; must be set before any instrumented code runs.</summary>
    public static byte* Locations
    {
        get => Trace.SharedMem;
        set => Trace.SharedMem = value;
    }

    /// <summary>An input begins: it does not matter where the one before ended.</summary>
    public static void Begin() => Trace.PrevLocation = 0;
}
