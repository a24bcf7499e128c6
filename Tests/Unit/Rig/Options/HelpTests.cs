using System.Text.RegularExpressions;
using EpfTest.Rig;
using EpfTest.Rig.Options;

namespace EpfTest.Unit.Rig.Options;

/// <summary>Each verb's help names the options that it has, and no others.</summary>
internal sealed partial class HelpTests
{
    [TestCase("pair", typeof(PairOptions))]
    [TestCase("guest", typeof(GuestOptions))]
    public void HelpAndOptionsAgree(string verb, Type options) => Assert.That(
        Option().Matches(Verbs.Help(verb)).Select(match => match.Value).Distinct(),
        Is.EquivalentTo(CommandLineReader.OptionsOf(options).Keys.Append("--help")));

    [GeneratedRegex("--[a-z][a-z-]*")]
    private static partial Regex Option();
}
