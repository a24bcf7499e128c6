using EpfTest.Rig.Options;

namespace EpfTest.Unit.Rig.Soak;

internal sealed class SoakOptionsTests
{
    [Test]
    public void TheOptionsOfAPairBelongToASoak()
    {
        SoakOptions options = CommandLineReader.Read<SoakOptions>(["--minutes", "10", "--datapath", "tlp"]);
        options.Check();
        Assert.That((options.MinuteCount, options.DataPath), Is.EqualTo((10, "tlp")));
        Assert.That(CommandLineReader.Read<SoakOptions>([]).MinuteCount, Is.EqualTo(30));
    }

    [TestCase("3")]
    [TestCase("ten")]
    [TestCase("4.5")]
    [TestCase("1000000")]
    public void MinutesAreANumberFromFour(string minutes)
    {
        UsageException? error = Assert.Throws<UsageException>(
            () => CommandLineReader.Read<SoakOptions>(["--minutes", minutes]).Check());
        Assert.That(error?.Message, Is.EqualTo($"--minutes {minutes}: not a number of minutes from 4"));
    }

    [TestCase("--ep-script", "x")]
    [TestCase("--scenario", "x")]
    [TestCase("--map-bars")]
    [TestCase("--timeout", "1")]
    public void ASoakChoosesWhatRuns(params string[] arguments)
    {
        UsageException? error = Assert.Throws<UsageException>(
            () => SoakOptions.CheckNames(["--minutes", "4", .. arguments]));
        Assert.That(error?.Message, Is.EqualTo($"{arguments[0]}: the soak chooses what runs"));
    }
}
