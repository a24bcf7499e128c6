using EpfTest.Bench.Machine;
using EpfTest.Bench.Measurement;

namespace EpfTest.Bench.Rows;

/// <summary>What every group of rows is measured with.</summary>
/// <param name="Rounds">How often.</param>
/// <param name="Cores">Where.</param>
/// <param name="Programs">What.</param>
/// <param name="Reference">Against what.</param>
/// <param name="Guests">Whole guests.</param>
internal sealed record Rig(Rounds Rounds, Cores Cores, Programs Programs, Reference Reference, GuestRuns Guests);
