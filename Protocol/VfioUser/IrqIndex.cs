namespace EpfTest.Protocol.VfioUser;

/// <summary>The interrupt types of a PCI device (<c>VFIO_PCI_*_IRQ_INDEX</c> of Linux
/// <c>include/uapi/linux/vfio.h</c>).</summary>
internal enum IrqIndex
{
    /// <summary>The level-triggered pin.</summary>
    Intx = 0,
    /// <summary>Message signalled interrupts.</summary>
    Msi = 1,
    /// <summary>Extended message signalled interrupts.</summary>
    Msix = 2,
    /// <summary>An uncorrectable error; stops QEMU's machine.</summary>
    Err = 3,
    /// <summary>The device asks to be released.</summary>
    Req = 4,
}
