using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using EpfTest.EpcDevice.Registers;
using EpfTest.Kit;

namespace EpfTest.Unit.EpcDevice;

/// <summary>The constants of EpcDevice are those of the driver.</summary>
[TestFixture]
internal sealed partial class RegisterMapTests
{
    [Test]
    public void ConstantsAreThoseOfTheDriverInBothDirections()
    {
        string header = File.ReadAllText(Path.Combine(Repository.Root, "driver", "pcie-qemu-ep-regs.h"));
        Dictionary<string, ulong> driver = Definition().Matches(header).ToDictionary(
            match => match.Groups["name"].Value.Replace("_", "", StringComparison.Ordinal),
            match => Evaluate(match.Groups["value"].Value.Trim()));
        Dictionary<string, ulong> device = typeof(EpcRegister)
            .GetFields(BindingFlags.Public | BindingFlags.Static)
            .ToDictionary(
                field => field.Name.ToUpperInvariant(),
                field => Convert.ToUInt64(field.GetRawConstantValue(), CultureInfo.InvariantCulture));

        Assert.That(driver, Has.Count.GreaterThan(100));
        Assert.That(device, Is.EquivalentTo(driver));
    }

    [TestCase("BIT(5)", 0x20u)]
    [TestCase("GENMASK(13, 8)", 0x3f00u)]
    [TestCase("GENMASK(31, 16)", 0xffff0000u)]
    [TestCase("0x001c", 0x1cu)]
    [TestCase("32", 32u)]
    public void DefinitionsAreEvaluatedAsTheKernelDoes(string definition, uint value) =>
        Assert.That(Evaluate(definition), Is.EqualTo(value));

    private static ulong Evaluate(string value)
    {
        if (Bit().Match(value) is { Success: true } bit)
        {
            return 1UL << Number(bit, 1);
        }

        if (Genmask().Match(value) is { Success: true } mask)
        {
            return ((1UL << (Number(mask, 1) - Number(mask, 2) + 1)) - 1) << Number(mask, 2);
        }

        return value.StartsWith("0x", StringComparison.Ordinal)
            ? ulong.Parse(value.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture)
            : ulong.Parse(value, CultureInfo.InvariantCulture);
    }

    private static int Number(Match match, int group) =>
        int.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^#define EPC_(?<name>\w+)[ \t]+(?<value>.+?)[ \t]*(/\*.*)?$", RegexOptions.Multiline)]
    private static partial Regex Definition();

    [GeneratedRegex(@"^BIT\((\d+)\)$")]
    private static partial Regex Bit();

    [GeneratedRegex(@"^GENMASK\((\d+), (\d+)\)$")]
    private static partial Regex Genmask();
}
