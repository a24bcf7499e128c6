using System.Globalization;
using EpfTest.Kit;
using EpfTest.Rig.Soak;

namespace EpfTest.Unit.Rig.Soak;

internal sealed class GrowthTests
{
    private static readonly (int Seconds, long Value)[] s_flat = [.. Enumerable.Range(0, 600).Select(s => (s, 1000L))];

    [Test]
    public void WhatStaysDoesNotGrow() => Assert.That(Growth.Percent(s_flat, 600), Is.Zero);

    [Test]
    public void WhatIsSeldomHighDoesNotGrow()
    {
        IEnumerable<(int, long)> peaks = s_flat.Select(s => (s.Seconds, s.Seconds % 10 == 0 ? 9000 : s.Value));
        Assert.That(Growth.Percent(peaks, 600), Is.Zero);
    }

    [Test]
    public void ALeakGrows()
    {
        IEnumerable<(int, long)> leak = s_flat.Select(s => (s.Seconds, s.Value + s.Seconds));
        Assert.That(Growth.Percent(leak, 600), Is.EqualTo(24.9).Within(0.1), "medians of 120 to 300 and 420 to 600 s");
    }

    [Test]
    public void TheFirstTwoMinutesDoNotCount()
    {
        IEnumerable<(int, long)> early = s_flat.Select(s => (s.Seconds, s.Seconds < 120 ? 1 : s.Value));
        Assert.That(Growth.Percent(early, 600), Is.Zero);
    }

    [TestCase(0)]
    [TestCase(900)]
    public void AnEndWithoutSamplesIsNoComparison(int end) =>
        Assert.That(Growth.Percent(s_flat.Where(s => s.Seconds < 600), end), Is.Null);

    // Samples of a soak of ten minutes, with what scripts/soak.sh made of them in awk.
    [TestCase(241, "EpcDevice", "0.0 0.0 0.0")]
    [TestCase(241, "EpfBridge", "5.4 0.0 0.0")]
    [TestCase(600, "EpcDevice", "38.3 1.0 18.8")]
    [TestCase(600, "EpfBridge", "55.6 1.3 0.0")]
    public void ASoaksSamplesGiveWhatTheyGaveInAwk(int end, string process, string expected)
    {
        string[][] samples =
        [
            .. File.ReadLines(Path.Combine(Repository.Root, "Tests", "Unit", "Rig", "Soak", "samples.txt"))
                .Select(line => line.Split(' ')).Where(words => words[1] == process),
        ];
        double?[] growth =
        [
            .. Enumerable.Range(2, 3).Select(column => Growth.Percent(
                samples.Select(words => (Number(words[0]), (long)Number(words[column]))), end)),
        ];
        Assert.That(string.Join(' ', growth.Select(g => g?.ToString("0.0", CultureInfo.InvariantCulture))), Is.EqualTo(
            expected));
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
