using EpfTest.Rig.Options;

namespace EpfTest.Unit.Rig.Options;

internal sealed class VerbsTests
{
    [TestCase]
    [TestCase("par")]
    public void AnUnknownVerbIsAUsageError(params string[] arguments) =>
        Assert.That(Verbs.Run(arguments), Is.EqualTo(64));
}
