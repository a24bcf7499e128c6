using EpfTest.Bench.Measurement;

namespace EpfTest.Unit.Bench;

/// <summary>What scripts/bench.sh makes of its figures.</summary>
internal sealed class RowTests
{
    [TestCase(new[] { 7.0 }, 7)]
    [TestCase(new[] { 9.0, 1, 4 }, 4)]
    [TestCase(new[] { 9.0, 1, 4, 6 }, 5)]
    [TestCase(new[] { 2.0, 2, 1000 }, 2)]
    public void MedianIsTheMiddle(double[] figures, double median) =>
        Assert.That(Median.Of(figures), Is.EqualTo(median));

    [Test]
    public void MedianOfNothingIsRefused() =>
        Assert.That(() => Median.Of([]), Throws.InstanceOf<ArgumentOutOfRangeException>());

    [Test]
    public void RatioIsTheMedianOfTheRoundsRatios()
    {
        // The machine was ten times slower in the last two rounds, and something disturbed one reference.
        Row row = NewRow(Goal.RatioAtMost(1.1), [10, 10, 100, 110, 110], [10, 10, 100, 100, 1]);
        Assert.That(row.Ratio, Is.EqualTo(1));
        Assert.That(row.Figure, Is.EqualTo(100));
        Assert.That(row.Reference, Is.EqualTo(10));
    }

    [TestCase(11, true)]
    [TestCase(11.01, false)]
    public void TimeMayBeUpToTheLimit(double figure, bool holds) =>
        Assert.That(NewRow(Goal.RatioAtMost(1.1), [figure], [10]).Holds, Is.EqualTo(holds));

    [TestCase(8, true)]
    [TestCase(7.99, false)]
    public void RateMayBeDownToTheLimit(double figure, bool holds) =>
        Assert.That(NewRow(Goal.RatioAtLeast(0.8), [figure], [10]).Holds, Is.EqualTo(holds));

    [TestCase(0, true)]
    [TestCase(0.01, false)]
    public void AbsoluteGoalLooksAtTheFigure(double figure, bool holds) =>
        Assert.That(NewRow(Goal.AtMost(0), [figure], [1000]).Holds, Is.EqualTo(holds));

    [Test]
    public void RowWithoutAGoalNeitherHoldsNorMisses() =>
        Assert.That(NewRow(Goal.None, [1], [1]).Holds, Is.Null);

    [Test]
    public void RowWithoutAReferenceReachesNoRatio()
    {
        Assert.That(NewRow(Goal.RatioAtMost(1.1), [0], []).Holds, Is.False);
        Assert.That(NewRow(Goal.RatioAtLeast(0.9), [100], []).Holds, Is.False);
    }

    [Test]
    public void EachRoundHasItsReferenceBesideIt()
    {
        var order = new List<string>();
        int figures = 0;
        int references = 0;
        Row row = new Rounds(4).Compare(
            "name",
            "us",
            Goal.None,
            () =>
            {
                order.Add("figure");
                return figures++;
            },
            () =>
            {
                order.Add("reference");
                return references++;
            },
            warmUp: false);
        Assert.That(row.Figures, Is.EqualTo(new[] { 1.0, 2, 3, 4 }), "the first is not counted");
        Assert.That(row.References, Is.EqualTo(new[] { 1.0, 2, 3, 4 }));
        Assert.That(
            string.Join(' ', order[2..]),
            Is.EqualTo("figure reference reference figure figure reference reference figure"));
    }

    private static Row NewRow(Goal goal, double[] figures, double[] references) =>
        new("name", "us", goal, figures, references);
}
