using EpfTest.Kit;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.VfioUser;
using Microsoft.Extensions.Logging.Abstractions;

namespace EpfTest.Guests;

/// <summary>DMA reaches a guest's memory on stock QEMU, with memory shared and without.</summary>
internal sealed class DmaTests
{
    // RAM that the guest's kernel keeps its hands off.
    private const string Reserved = "memmap=1M$0x10000000";

    // Every byte of the source differs from its neighbours, so that a shift by some bytes shows; source, destination
    // and length are odd.
    private const string CopyInGuest = """
        device=$(dirname "$(grep -l 0xe9c1 /sys/bus/pci/devices/*/device)")
        read -r bar0 _ < "$device/resource"
        printf '\006\000' | dd of="$device/config" bs=1 seek=4 conv=notrunc 2> /dev/null
        i=0
        while [ $i -lt 64 ]; do
            devmem $((0x10000000 + i)) 8 $((i * 3 + 1))
            devmem $((0x10008000 + i)) 8 0
            i=$((i + 1))
        done
        devmem $((bar0 + 0)) 32 0x10000003
        devmem $((bar0 + 4)) 32 0x10008001
        devmem $((bar0 + 8)) 32 45
        n=0
        while [ "$(devmem $((bar0 + 12)) 32)" = 0x00000001 ]; do
            n=$((n + 1))
            [ $n -lt 1000 ]
        done
        echo "result $(devmem $((bar0 + 12)) 32)"
        printf 'copied '
        i=0
        while [ $i -lt 48 ]; do
            printf %02x "$(devmem $((0x10008000 + i)) 8)"
            i=$((i + 1))
        done
        echo
        """;

    [TestCase(true, DmaBacking.Mapping)]
    [TestCase(false, DmaBacking.Messages)]
    public void DeviceCopiesGuestMemory(bool shared, DmaBacking backing)
    {
        using var folder = new TemporaryFolder();
        using var device = new CopyDevice();
        using var server = new VfioUserServer(device, folder.File("copy.sock"), NullLogger.Instance);
        GuestRun guest = new GuestRun()
            .With(shared ? [] : ["--no-shared-memory"])
            .With("--append", Reserved)
            .WithVfioUserDevice(folder.File("copy.sock"))
            .Run(CopyInGuest);
        IEnumerable<byte> source = Enumerable.Range(3, 45).Select(i => (byte)((i * 3) + 1));
        Assert.That(guest.Value("result"), Is.EqualTo("0x00000000"));
        Assert.That(guest.Value("copied"), Is.EqualTo(Convert.ToHexStringLower([0, .. source, 0, 0])));
        Assert.That(device.Backing, Is.EqualTo(backing));
    }
}
