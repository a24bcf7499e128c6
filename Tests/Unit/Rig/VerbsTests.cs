using EpfTest.Rig;

namespace EpfTest.Unit.Rig;

internal sealed class VerbsTests
{
    [TestCase]
    [TestCase("par")]
    public void AnUnknownVerbIsAUsageError(params string[] arguments) =>
        Assert.That(Verbs.Run(arguments), Is.EqualTo(64));
}
