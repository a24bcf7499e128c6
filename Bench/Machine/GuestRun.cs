namespace EpfTest.Bench.Machine;

/// <summary>A run of scripts/run-pair.sh that is over.</summary>
/// <param name="Time">From command to result.</param>
/// <param name="Folder">Its consoles and results.</param>
/// <param name="Output">What it printed.</param>
internal sealed record GuestRun(TimeSpan Time, string Folder, string Output);
