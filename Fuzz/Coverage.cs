using SharpFuzz.Common;

namespace EpfTest.Fuzz;

/// <summary>The counters of SharpFuzz's instrumentation: a byte for each pair of consecutive branches.</summary>
internal static unsafe class Coverage
{
    public const int Count = 1 << 16;

    /// <summary>The counters' memory; set it before any instrumented code runs.</summary>
    public static byte* Locations
    {
        get => Trace.SharedMem;
        set => Trace.SharedMem = value;
    }

    /// <summary>Begins an input, independent of where the last one ended.</summary>
    public static void Begin() => Trace.PrevLocation = 0;
}
