using EpfTest.Rig.Options;

namespace EpfTest.Unit.Rig.Options;

internal sealed class GuestOptionsTests
{
    [TestCase("--smp|0", "--smp 0: not a number of processors")]
    [TestCase("--memory|512", "--memory 512: not a size such as 512M or 2G")]
    [TestCase("--timeout|x", "--timeout x: not a number of seconds")]
    [TestCase("--script|/nowhere", "--script /nowhere: cannot be read")]
    [TestCase("--script|/etc/passwd|--shell", "--script and --shell exclude each other")]
    [TestCase("--pci-id|1:2", "--pci-id and --log-level need --epc")]
    [TestCase("--bogus|--|-m", "--bogus: unknown option")]
    public void AnInvalidCommandLineIsExplained(string words, string message) => Assert.That(
        () => CommandLineReader.Read<GuestOptions>(words.Split('|')).Check(),
        Throws.TypeOf<UsageException>().With.Message.EqualTo(message));

    [Test]
    public void WhatFollowsTwoDashesIsQemus()
    {
        GuestOptions options = CommandLineReader.Read<GuestOptions>(
            ["--add", "a", "--device", "vfio-user-pci,x=1", "--", "-device", "e1000e", "--help"]);
        Assert.That(string.Join(' ', options.QemuArguments), Is.EqualTo("-device e1000e --help"));
        Assert.That(options.Additions.Single(), Is.EqualTo("a"));
        Assert.That(options.Devices.Single(), Is.EqualTo("vfio-user-pci,x=1"));
    }
}
