using System.Runtime.InteropServices;

namespace EpfTest.Protocol.Linux;

/// <summary>The C library's heap, in which the runtime's compiler works.</summary>
internal static partial class NativeHeap
{
    /// <summary>
    /// Gives back to the system what is free in it. The compiler takes megabytes for a while when methods have been
    /// called often enough to be compiled again, minutes after the start, and the C library keeps them, for each thread
    /// that ever compiled.
    /// </summary>
    public static void Trim() => _ = MallocTrim(0);

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int MallocTrim(nuint pad);
}
