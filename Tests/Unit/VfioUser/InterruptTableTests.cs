using EpfTest.Protocol.VfioUser;

namespace EpfTest.Unit.VfioUser;

internal sealed class InterruptTableTests
{
    [Test]
    public void PinOfADeviceWithoutOneGoesNowhere()
    {
        using var interrupts = new InterruptTable([0, 1, 1, 1, 1]);
        Assert.That(() => interrupts.SetIntx(true), Throws.Nothing);
    }
}
