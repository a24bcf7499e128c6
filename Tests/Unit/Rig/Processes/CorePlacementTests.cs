using EpfTest.Rig.Options;
using EpfTest.Rig.Processes;

namespace EpfTest.Unit.Rig.Processes;

internal sealed class CorePlacementTests
{
    private static readonly string[] s_epSide = ["ep", "EpcDevice"];
    private static readonly string[] s_hostSide = ["host", "EpfBridge"];

    [TestCase(2, false, "cores: ep, EpcDevice on 0; host, EpfBridge on 1")]
    [TestCase(4, false, "cores: ep, EpcDevice on 0; host, EpfBridge on 1")]
    [TestCase(2, true, "cores: ep, EpcDevice, host, EpfBridge on 0")]
    [TestCase(1, false, "cores: ep, EpcDevice, host, EpfBridge on all")]
    [TestCase(5, true, "cores: ep, EpcDevice, host, EpfBridge on all")]
    public void FewCoresAreDivided(int cores, bool tlpPath, string shown) =>
        Assert.That(Choose(cores, tlpPath).ToString(), Is.EqualTo(shown));

    [TestCase(2, true, "sides", "cores: ep, EpcDevice on 0; host, EpfBridge on 1")]
    [TestCase(8, false, "one", "cores: ep, EpcDevice, host, EpfBridge on 0")]
    [TestCase(2, false, "EpcDevice=1 host=0-1", "cores: ep on 0; EpcDevice, EpfBridge on 1; host on 0-1")]
    [TestCase(8, false, "host=2,5", "cores: ep, EpcDevice, EpfBridge on all; host on 2,5")]
    public void OptionsOverride(int cores, bool tlpPath, string pins, string shown) =>
        Assert.That(Choose(cores, tlpPath, pins.Split(' ')).ToString(), Is.EqualTo(shown));

    [Test]
    public void NothingIsPinnedIfTheUserSaysSo() => Assert.That(
        CorePlacement.Choose(s_epSide, s_hostSide, [0, 1], true, null).CoresOf("ep"), Is.Null);

    [TestCase("all", "--pin all: not one of one, sides, NAME=CORES")]
    [TestCase("guest=0", "--pin guest=0: 'guest' is not one of ep, EpcDevice, host, EpfBridge")]
    [TestCase("ep=1-0", "--pin ep=1-0: '1-0' is not a list of cores such as 0, 0-1 or 0,2")]
    [TestCase("ep=", "--pin ep=: '' is not a list of cores such as 0, 0-1 or 0,2")]
    [TestCase("ep=0,7", "--pin ep=0,7: there is no core 7; there are 0, 1")]
    public void AnInvalidPlaceIsExplained(string pin, string message) => Assert.That(
        () => Choose(2, false, pin), Throws.TypeOf<UsageException>().With.Message.EqualTo(message));

    [TestCase("0", "0")]
    [TestCase("0-2,7", "0,1,2,7")]
    [TestCase("0-", null)]
    [TestCase("0-1-2", null)]
    [TestCase("a", null)]
    public void ListsOfCoresAreRead(string list, string? cores) =>
        Assert.That(CoreList.Parse(list) is { } read ? string.Join(',', read) : null, Is.EqualTo(cores));

    private static CorePlacement Choose(int cores, bool tlpPath, params string[] pins) =>
        CorePlacement.Choose(s_epSide, s_hostSide, [.. Enumerable.Range(0, cores)], tlpPath, pins);
}
