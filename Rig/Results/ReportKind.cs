namespace EpfTest.Rig.Results;

/// <summary>What a kernel complains of on its console.</summary>
internal enum ReportKind
{
    Warning,
    Bug,
    Oops,
    Panic,
    Lockdep,
    Kasan,
    Kfence,
    Kmsan,
    Kcsan,
    Ubsan,
    HungTask,
    Stall,
    Kmemleak,
    UnhandledInterrupt,
}
