using System.Runtime.InteropServices;

namespace EpfTest.Protocol.Linux;

/// <summary>The C library's heap, in which the runtime's compiler works.</summary>
internal static partial class NativeHeap
{
    private const int ArenaMax = -8; // malloc.h

    /// <summary>
    /// Gives back to the system what is free in it. The compiler takes megabytes for a while when methods have been
    /// called often enough to be compiled again, minutes after the start.
    /// </summary>
    /// <remarks>Memory is given back by the second call at the latest. The compiler caches what it frees, and the
    /// finalizer thread empties the cache when it is woken, which otherwise only a garbage collection does
    /// (JitHost::reclaim in src/coreclr/vm/jithost.cpp).</remarks>
    public static void Trim()
    {
        GC.WaitForPendingFinalizers();
        _ = MallocTrim(0);
    }

    /// <summary>
    /// Lets threads that start from now on share the heap's arenas (M_ARENA_MAX of mallopt(3)). By default each gets
    /// one of its own, up to eight for each core, and each arena keeps some of what the compiler took there: a process
    /// grew by up to 13 % when methods were compiled again on threads that came with a new connection.
    /// </summary>
    public static void ShareArenas() => _ = MallOpt(ArenaMax, 1);

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int MallocTrim(nuint pad);

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int MallOpt(int parameter, int value);
}
