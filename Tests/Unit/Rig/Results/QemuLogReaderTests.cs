using EpfTest.Rig.Results;

namespace EpfTest.Unit.Rig.Results;

/// <summary>Lines of QEMU 11.1.3's logs, and forms of its sources.</summary>
internal sealed class QemuLogReaderTests
{
    [TestCase("qemu-system-x86_64: vfio_container_dma_unmap(0x5581, 0xfee0, 0x10) = -2 (No such file or directory)")]
    [TestCase("qemu-system-x86_64: vfio_container_dma_map(0x5581, 0x1000, 0x1000, 0x7f00) = -17 (File exists)")]
    [TestCase("vfio_user_process: error reply on async request command 3 error No such file or directory")]
    [TestCase("qemu-system-x86_64: vfio vfio-user:/tmp/t/endpoint: invalid PCI interrupt pin 255")]
    [TestCase("qemu-system-x86_64: vfio_region_read(vfio-user:/tmp/t/epc:region0+0x100008, 4) failed: Bad address")]
    [TestCase("qemu-system-x86_64: Unable to write to socket: Broken pipe")]
    [TestCase("qemu-system-x86_64: failed to read header: EOF")]
    [TestCase("qemu-system-x86_64: vhost VQ 0 ring restore failed: -22: Invalid argument (22)")]
    [TestCase("qemu-system-x86_64: Failed to set msg fds.")]
    [TestCase("qemu-system-aarch64: -device {\"id\":\"rp0\"}: VFIO_USER_DEVICE_GET_INFO failed: Bad address")]
    public void AnErrorOfVfioOrVhostIsFound(string line) =>
        Assert.That(QemuLogReader.Read([line + "\r"]).Single(), Is.EqualTo(new QemuError(line, 1)));

    [TestCase("qemu-system-x86_64: warning: vfio-user-pci: x-pci-class-code is not used")]
    [TestCase("qemu-system-x86_64: -chardev socket,id=w: info: QEMU waiting for connection on: disconnected:vhost")]
    [TestCase("qemu-system-x86_64: terminating on signal 15 from pid 4711 (timeout)")]
    [TestCase("qemu-system-x86_64: -m 1T: cannot set up guest memory 'mem': Cannot allocate memory")]
    [TestCase("")]
    public void AnotherLineIsNone(string line) => Assert.That(QemuLogReader.Read([line]), Is.Empty);

    [Test]
    public void LinesThatDifferInNumbersAndPathsAreOneError()
    {
        IReadOnlyList<QemuError> errors = QemuLogReader.Read(
        [
            "qemu-system-x86_64: vfio_region_write(vfio-user:/tmp/a/epc:region0+0x98, 0x0,4) failed: Bad address",
            "qemu-system-x86_64: Failed to set msg fds.",
            "qemu-system-x86_64: vfio_region_write(vfio-user:/tmp/b/epc:region0+0x4c, 0xff,4) failed: Bad address",
        ]);
        Assert.That(string.Join(' ', errors.Select(error => error.Count)), Is.EqualTo("2 1"));
        Assert.That(errors[0].Line, Does.Contain("/tmp/a/epc"), "the first one");
    }
}
