using EpfTest.Bench.Machine;
using EpfTest.Bench.Measurement;

namespace EpfTest.Bench.Rows;

/// <summary>Everything that a group of rows is measured with.</summary>
/// <param name="Rounds">Measures.</param>
/// <param name="Cores">The cores of the two sides.</param>
/// <param name="Programs">Starts EpcDevice and EpfBridge.</param>
/// <param name="Reference">Starts the reference servers.</param>
/// <param name="Guests">Runs whole guests.</param>
internal sealed record Rig(Rounds Rounds, Cores Cores, Programs Programs, Reference Reference, GuestRuns Guests);
