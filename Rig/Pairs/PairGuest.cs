using EpfTest.Rig.Guests;

namespace EpfTest.Rig.Pairs;

/// <summary>A guest of a run, and how far it has come.</summary>
/// <param name="guest">The guest.</param>
/// <param name="role">Its side.</param>
/// <param name="label">What stands before the lines that it prints.</param>
internal sealed class PairGuest(Guest guest, GuestRole role, string label)
{
    public Guest Guest { get; } = guest;

    public GuestRole Role { get; } = role;

    public string Label { get; } = label;

    public string Name => Guest.Name;

    public string Title => Guest.Spec.Title;

    /// <summary>Its script, in messages.</summary>
    public string Script => Role == GuestRole.Host && Label == "host" ? "the host's script" : $"the {Title}'s script";

    /// <summary>Whether it has reported that it is up (a host) or ready (an EP guest).</summary>
    public bool IsReady { get; set; }

    /// <summary>The exit status of its script; null as long as it runs.</summary>
    public int? Status { get; set; }

    /// <summary>The words that its script wants remembered.</summary>
    public string Remembered { get; set; } = "";
}
