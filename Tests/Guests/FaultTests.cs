using EpfTest.Kit;

namespace EpfTest.Guests;

/// <summary>
/// Faults on both sides of two guests, 20 rounds of most (scenarios/faults); each round ends with interrupts of the
/// self-test, the whole with more of it.
/// </summary>
internal sealed class FaultTests
{
    [Test]
    public void APairOutlivesFaultsOnBothSides()
    {
        using var folder = new TemporaryFolder();
        string[] lines = PairTests.RunPair(
            "--scenario", "faults",
            "--out", folder.Path,
            "--log-level", "Information");
        Assert.That(lines, Has.Some.Contains("the self-test's cases pass"));
        Assert.That(lines, Has.Some.Contains("this guest's kernel complained 0 times"));

        // The bus resets: the kernel itself cannot say, see scenarios/faults/host.
        int resets = File.ReadLines(folder.File("EpfBridge.log")).Count(
            line => line.Contains("reset by the host", StringComparison.Ordinal));
        Assert.That(resets, Is.GreaterThanOrEqualTo(20));
    }
}
