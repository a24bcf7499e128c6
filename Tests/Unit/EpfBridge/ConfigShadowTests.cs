using EpfTest.EpfBridge;
using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.Unit.EpfBridge;

internal sealed class ConfigShadowTests
{
    private const int Express = 0x40;
    private const int DeviceControl = Express + 0x08;
    private const int LinkControl = Express + 0x10;

    /// <summary>Section 7.5.3.4: no TLP is larger than Max_Payload_Size.</summary>
    [TestCase(0x00, 128)]
    [TestCase(0x20, 256)]
    [TestCase(0x40, 512)]
    [TestCase(0x60, 512)]
    [TestCase(0xE0, 512)]
    public void MaxPayloadIsWhatTheHostWroteWithinWhatTheFunctionSupports(byte control, int expected)
    {
        ConfigShadow shadow = Known();
        shadow.Written(DeviceControl, [control, 0]);
        Assert.That(shadow.MaxPayload, Is.EqualTo(expected));
        shadow.Written(DeviceControl + 1, [0x28]);
        Assert.That(shadow.MaxPayload, Is.EqualTo(expected), "the upper byte has other fields");
        shadow.Reset();
        Assert.That(shadow.MaxPayload, Is.EqualTo(128));
    }

    /// <summary>Section 7.5.3.7: the host writes the root complex's RCB to Link Control.</summary>
    [Test]
    public void ReadCompletionBoundaryIsWhatTheHostWrote()
    {
        ConfigShadow shadow = Known();
        Assert.That(shadow.ReadCompletionBoundary, Is.EqualTo(64));
        shadow.Written(LinkControl, [0x48, 0, 0, 0]);
        Assert.That(shadow.ReadCompletionBoundary, Is.EqualTo(128));
        shadow.Written(LinkControl, [0x40]);
        Assert.That(shadow.ReadCompletionBoundary, Is.EqualTo(64));
        shadow.Written(LinkControl, [0x08]);
        shadow.Reset();
        Assert.That(shadow.ReadCompletionBoundary, Is.EqualTo(64));
    }

    [Test]
    public void TheFunctionMayUseALargerSizeBeforeItsCompletionArrives()
    {
        ConfigShadow shadow = Known();
        shadow.Writing(DeviceControl, [0x40, 0]);
        Assert.That((shadow.MaxPayload, shadow.MaxReceivedPayload), Is.EqualTo((128, 512)));
        shadow.Written(DeviceControl, [0x40, 0]);
        shadow.Writing(DeviceControl, [0x00, 0]);
        Assert.That((shadow.MaxPayload, shadow.MaxReceivedPayload), Is.EqualTo((512, 512)));
        shadow.Written(DeviceControl, [0x00, 0]);
        Assert.That((shadow.MaxPayload, shadow.MaxReceivedPayload), Is.EqualTo((128, 128)));
    }

    [Test]
    public void NothingIsKnownBeforeTheCapabilityHasBeenRead()
    {
        var shadow = new ConfigShadow();
        shadow.Written(0x08, [0x40]);
        shadow.Written(0x10, [0x08]);
        Assert.That((shadow.MaxPayload, shadow.ReadCompletionBoundary), Is.EqualTo((128, 64)));
    }

    // A function with Max_Payload_Size Supported of 512 bytes, whose space the host has read.
    private static ConfigShadow Known()
    {
        byte[] space = new byte[256];
        space[PciRegister.CapabilitiesPointer] = Express;
        space[Express] = PciRegister.PciExpressId;
        space[Express + PciExpressCapability.DeviceCapabilities] = 2;
        var shadow = new ConfigShadow();
        shadow.Read(space);
        return shadow;
    }
}
