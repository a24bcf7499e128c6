namespace EpfTest.Bench.Machine;

/// <summary>A finished run of scripts/run-pair.sh.</summary>
/// <param name="Time">From command to result.</param>
/// <param name="Folder">The folder of its consoles and results.</param>
/// <param name="Output">Its standard output.</param>
internal sealed record GuestRun(TimeSpan Time, string Folder, string Output);
