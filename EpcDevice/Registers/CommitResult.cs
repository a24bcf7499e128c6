namespace EpfTest.EpcDevice.Registers;

/// <summary>What a commit came to (<c>docs/registers.md</c>, "Staged sets"); anything but <see cref="Ok"/> changed nothing.</summary>
internal enum CommitResult : uint
{
    /// <summary>Applied.</summary>
    Ok = EpcRegister.ResultOk,
    /// <summary>A value is out of range, misaligned or inconsistent.</summary>
    Invalid = EpcRegister.ResultInvalid,
    /// <summary>It overlaps another entry.</summary>
    Overlap = EpcRegister.ResultOverlap,
    /// <summary>No entry or no room is left.</summary>
    NoSpace = EpcRegister.ResultNoSpace,
    /// <summary>The host uses it.</summary>
    Busy = EpcRegister.ResultBusy,
    /// <summary>The host has not enabled that kind of interrupt, or bus mastering.</summary>
    NotEnabled = EpcRegister.ResultNotEnabled,
    /// <summary>The link is down.</summary>
    LinkDown = EpcRegister.ResultLinkDown,
    /// <summary>The memory behind it cannot be mapped.</summary>
    NotMappable = EpcRegister.ResultNotMappable,
    /// <summary>Under way: an event says when there is another result.</summary>
    Pending = EpcRegister.ResultPending,
}
