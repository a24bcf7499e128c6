using EpfTest.EpcDevice.Registers;
using EpfTest.Kit;

namespace EpfTest.Guests;

/// <summary>A real guest kernel on stock QEMU looks at EpcDevice.</summary>
internal sealed class EpcDeviceInGuestTests
{
    // Finds the device and prints one line for each thing that the guest can see of it. A BAR's line in "resource" is
    // start, end, flags.
    private const string Look = """
        device=$(dirname "$(grep -l 0xe9c0 /sys/bus/pci/devices/*/device)")
        echo "vendor $(cat "$device/vendor")"
        echo "device $(cat "$device/device")"
        echo "class $(cat "$device/class")"
        echo "config-size $(wc -c < "$device/config")"
        bar=0
        while read -r start end flags; do
            [ $bar -lt 6 ] || break
            echo "bar$bar-size $((end - start + (start != 0)))"
            echo "bar$bar-flags $((flags & 0x220f))"
            eval "bar$bar=$start"
            bar=$((bar + 1))
        done < "$device/resource"
        echo 1 > "$device/enable"
        echo "id $(devmem "$bar0" 32)"
        echo "version $(devmem "$((bar0 + 4))" 32)"
        devmem "$((bar0 + 0x30))" 32 0x12345678
        echo "scratch $(devmem "$((bar0 + 0x30))" 32)"
        echo "scratch-byte $(devmem "$((bar0 + 0x31))" 8)"
        echo "unmapped-window $(devmem "$bar2" 32)"
        echo 1 > "$device/reset"
        echo "scratch-after-flr $(devmem "$((bar0 + 0x30))" 32)"
        echo "id-after-flr $(devmem "$bar0" 32)"
        echo "00:00.0 Memory controller"
        hexdump -v -e '"%03_ax:" 16/1 " %02x" "\n"' "$device/config"
        """;

    private GuestRun _guest = null!;

    [OneTimeSetUp]
    public void BootGuest()
    {
        using var folder = new TemporaryFolder();
        string socket = folder.File("epc.sock");
        using var epc = ChildProcess.StartOurs("EpcDevice", "--socket", socket, "--link", folder.File("link"));
        epc.WaitFor(() => File.Exists(socket), $"makes {socket}");
        _guest = new GuestRun().WithVfioUserDevice(socket).Run(Look);
        epc.Stop();
        Assert.That(File.Exists(socket), Is.False, "the socket was left behind");
    }

    [Test]
    public void GuestFindsTheControllerByItsIds()
    {
        Assert.That(_guest.Value("vendor"), Is.EqualTo("0x1234"));
        Assert.That(_guest.Value("device"), Is.EqualTo("0xe9c0"));
        Assert.That(_guest.Value("class"), Is.EqualTo("0x058000"));
    }

    [Test]
    public void GuestSeesTheExtendedConfigurationSpace() =>
        Assert.That(_guest.Value("config-size"), Is.EqualTo("4096"));

    // Flags: 0x200 memory, 0x2000 prefetchable, 0x4 64-bit, 0x8 prefetchable, as in Linux include/linux/ioport.h.
    [TestCase(0, 2 << 20, 0x200)]
    [TestCase(1, 0, 0)]
    [TestCase(2, 1 << 30, 0x220c)]
    [TestCase(3, 0, 0)]
    [TestCase(4, 4 << 10, 0x200)]
    [TestCase(5, 0, 0)]
    public void GuestSizesBar(int bar, long size, int flags)
    {
        Assert.That(_guest.Value($"bar{bar}-size"), Is.EqualTo($"{size}"));
        Assert.That(_guest.Value($"bar{bar}-flags"), Is.EqualTo($"{flags}"));
    }

    [Test]
    public void GuestReadsIdAndVersionRegisters()
    {
        Assert.That(_guest.Value("id"), Is.EqualTo($"0x{EpcRegister.IdValue:X8}"));
        Assert.That(_guest.Value("version"), Is.EqualTo("0x00010002"));
    }

    [Test]
    public void GuestWritesAndReadsBackARegister()
    {
        Assert.That(_guest.Value("scratch"), Is.EqualTo("0x12345678"));
        Assert.That(_guest.Value("scratch-byte"), Is.EqualTo("0x56"));
    }

    [Test]
    public void WindowWithoutTranslationReadsAllOnes() =>
        Assert.That(_guest.Value("unmapped-window"), Is.EqualTo("0xFFFFFFFF"));

    [Test]
    public void FunctionLevelResetClearsRegistersAndKeepsTheBars()
    {
        Assert.That(_guest.Value("scratch-after-flr"), Is.EqualTo("0x00000000"));
        Assert.That(_guest.Value("id-after-flr"), Is.EqualTo($"0x{EpcRegister.IdValue:X8}"));
    }

    [Test]
    public void GuestsConfigurationSpaceDecodesAsWeMeantIt()
    {
        string text = _guest.Output[_guest.Output.IndexOf("00:00.0", StringComparison.Ordinal)..];
        string decoded = Lspci.Decode(text);
        Assert.Multiple(() =>
        {
            Assert.That(decoded, Does.Contain("Express (v2) Endpoint"));
            Assert.That(decoded, Does.Contain("FLReset+"));
            Assert.That(decoded, Does.Contain("MSI-X: Enable- Count=19 Masked-"));
            Assert.That(decoded, Does.Contain("Vector table: BAR=4 offset=00000000"));
            Assert.That(decoded, Does.Contain("PBA: BAR=4 offset=00000800"));
            Assert.That(decoded, Does.Contain("Power Management version 3"));
            Assert.That(decoded, Does.Contain("Advanced Error Reporting"));
        });
    }
}
