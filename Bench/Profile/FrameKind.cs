namespace EpfTest.Bench.Profile;

/// <summary>Whose code a function is.</summary>
internal enum FrameKind
{
    /// <summary>The kernel's.</summary>
    Kernel,
    /// <summary>EpfTest's.</summary>
    Ours,
    /// <summary>.NET's, compiled by the runtime.</summary>
    Managed,
    /// <summary>A library's, or code without a name.</summary>
    Native,
}
