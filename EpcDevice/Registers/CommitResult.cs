namespace EpfTest.EpcDevice.Registers;

/// <summary>Result of a commit (<c>docs/registers.md</c>, "Staged sets"); all but <see cref="Ok"/> and
/// <see cref="Pending"/> changed nothing.</summary>
internal enum CommitResult : uint
{
    Ok = EpcRegister.ResultOk,

    /// <summary>A value is out of range, misaligned or inconsistent.</summary>
    Invalid = EpcRegister.ResultInvalid,

    /// <summary>It overlaps another entry.</summary>
    Overlap = EpcRegister.ResultOverlap,

    /// <summary>The host uses it.</summary>
    Busy = EpcRegister.ResultBusy,

    /// <summary>The host has not enabled that kind of interrupt, or bus mastering.</summary>
    NotEnabled = EpcRegister.ResultNotEnabled,

    LinkDown = EpcRegister.ResultLinkDown,

    /// <summary>The host's memory at that address cannot be mapped.</summary>
    NotMappable = EpcRegister.ResultNotMappable,

    /// <summary>In progress: an event announces the final result.</summary>
    Pending = EpcRegister.ResultPending,
}
