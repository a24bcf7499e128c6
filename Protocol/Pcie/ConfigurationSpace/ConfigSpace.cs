using System.Buffers.Binary;

namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// The configuration space of one endpoint function: 4096 bytes with a type 0 header, capabilities and extended
/// capabilities. PCI Express Base Specification 6.0, chapter 7.
/// </summary>
/// <remarks>
/// <para>Two sides use it. The <b>host side</b> is <see cref="Read"/>, <see cref="ReadDword"/>, <see cref="Write"/> and
/// <see cref="WriteDword"/>: writes obey each bit's type (read-only, RW, RW1C), and <see cref="Observer"/> is told what
/// they changed. The <b>device side</b> is everything else: it bypasses those types and tells nobody.</para>
/// <para>Capabilities are linked in the order of adding. One can be added at any time but not moved or removed; add
/// them before the link comes up, because hosts walk the list once. A function that needs a different set is a new
/// <see cref="ConfigSpace"/>. All else on the device side may change at any time.</para>
/// <para>An FLR clears the BARs, as section 6.6.2 wants. QEMU's vfio client does not see it so: it emulates the BARs
/// and keeps their addresses, and a Linux guest, reading those back, does not write them again. Set
/// <see cref="PreserveBarAddressesOnFlr"/> where such a client is the host.</para>
/// <para>Not thread-safe: the caller serialises all use, observer calls being made on the writing thread. Accesses
/// allocate nothing.</para>
/// </remarks>
internal sealed partial class ConfigSpace
{
    private readonly byte[] _before = new byte[PciRegister.SpaceSize];

    /// <summary>A function with this header, no BAR and no capability.</summary>
    /// <param name="header">IDs, class code and interrupt pin.</param>
    public ConfigSpace(ConfigSpaceHeader header)
    {
        const PciCommand Writable = PciCommand.IoSpaceEnable | PciCommand.MemorySpaceEnable
            | PciCommand.BusMasterEnable | PciCommand.ParityErrorResponse | PciCommand.SerrEnable
            | PciCommand.InterruptDisable;
        Registers.Define(PciRegister.Command, 2, 0, writable: (uint)Writable);
        Registers.Define(
            PciRegister.Status, 2, (uint)PciStatus.CapabilitiesList, writeOneToClear: (uint)PciStatus.Errors);
        Registers.Define(PciRegister.CacheLineSize, 1, 0, writable: 0xFF);
        Registers.Define(PciRegister.InterruptLine, 1, 0, writable: 0xFF);
        Header = header;
    }

    /// <summary>Who is told of changes by host writes, if anybody.</summary>
    public IConfigSpaceObserver? Observer { get; set; }

    /// <summary>
    /// Whether BARs keep the addresses that the host programmed when it initiates an FLR: not what the specification
    /// says, but what QEMU's vfio client relies on.
    /// </summary>
    public bool PreserveBarAddressesOnFlr { get; set; }

    internal RegisterFile Registers { get; } = new();

    /// <summary>Reads bytes.</summary>
    /// <param name="offset">Offset of the first byte.</param>
    /// <param name="data">Takes the bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range is not inside the 4096 bytes.</exception>
    public void Read(int offset, Span<byte> data)
    {
        CheckRange(offset, data.Length);
        Registers.Bytes.Slice(offset, data.Length).CopyTo(data);
    }

    /// <summary>Reads a DW, as CfgRd0 does.</summary>
    /// <param name="offset">Offset in bytes, a multiple of 4.</param>
    /// <returns>The DW; the byte at <paramref name="offset"/> is its lowest.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The offset is not one of a DW in the space.</exception>
    public uint ReadDword(int offset)
    {
        CheckDword(offset);
        return Registers.GetDword(offset);
    }

    /// <summary>Writes bytes as the host, all of them before any effect.</summary>
    /// <param name="offset">Offset of the first byte.</param>
    /// <param name="data">The bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range is not inside the 4096 bytes.</exception>
    public void Write(int offset, ReadOnlySpan<byte> data)
    {
        CheckRange(offset, data.Length);
        Registers.Bytes.CopyTo(_before);
        Registers.HostWrite(offset, data);
        CompleteHostWrite();
    }

    /// <summary>Writes a DW as the host, as CfgWr0 does.</summary>
    /// <param name="offset">Offset in bytes, a multiple of 4.</param>
    /// <param name="value">The DW; its lowest byte is for <paramref name="offset"/>.</param>
    /// <param name="byteEnables">First DW Byte Enables: bit n is for the byte at <paramref name="offset"/> + n.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// The offset is not one of a DW in the space, or there are more than 4 byte enables.
    /// </exception>
    public void WriteDword(int offset, uint value, byte byteEnables)
    {
        CheckDword(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(byteEnables, 0xF);
        Span<byte> data = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(data, value);
        Registers.Bytes.CopyTo(_before);
        for (int i = 0; i < data.Length; i++)
        {
            if ((byteEnables & (1 << i)) != 0)
            {
                Registers.HostWrite(offset + i, data.Slice(i, 1));
            }
        }
        CompleteHostWrite();
    }

    /// <summary>
    /// Takes the function through a reset that the host did not initiate through this space; the observer is not told.
    /// </summary>
    /// <param name="kind">What kind of reset; says what survives.</param>
    /// <param name="preserveBarAddresses">Whether BARs keep the addresses that the host programmed.</param>
    public void Reset(ResetKind kind, bool preserveBarAddresses = false)
    {
        Span<byte> bars = stackalloc byte[PciRegister.BaseAddressCount * sizeof(uint)];
        Registers.Bytes.Slice(PciRegister.BaseAddress0, bars.Length).CopyTo(bars);
        Registers.Reset(kind);
        if (preserveBarAddresses)
        {
            // Through the host's door: it gives the address bits back and can touch no others.
            Registers.HostWrite(PciRegister.BaseAddress0, bars);
        }
    }

    private void CompleteHostWrite()
    {
        PowerManagement?.DiscardUnsupportedState(_before);
        bool functionLevelReset = PciExpress?.TakeFunctionLevelReset() ?? false;
        if (functionLevelReset)
        {
            Reset(ResetKind.FunctionLevel, PreserveBarAddressesOnFlr);
        }
        if (Observer is { } observer)
        {
            Notify(observer, functionLevelReset);
        }
    }

    private void Notify(IConfigSpaceObserver observer, bool functionLevelReset)
    {
        // All is compared before the first call, as an observer may change the space.
        var oldCommand = (PciCommand)BinaryPrimitives.ReadUInt16LittleEndian(_before.AsSpan(PciRegister.Command));
        PciCommand newCommand = Command;
        PowerState oldState = PowerManagement?.StateIn(_before) ?? PowerState.D0;
        PowerState newState = PowerState;
        int bars = ChangedBars();
        bool msi = Msi is { } m && Changed(m.Offset, m.Length);
        bool msix = Msix is { } x && Changed(x.Offset, MsixCapability.Length);
        bool deviceControl = PciExpress is { } e && (Changed(e.DeviceControlOffset, 2)
            || Changed(e.DeviceControl2Offset, 2));

        if (oldCommand != newCommand)
        {
            observer.CommandChanged(oldCommand, newCommand);
        }
        for (int index = 0; bars >> index != 0; index++)
        {
            if ((bars & (1 << index)) != 0)
            {
                observer.BarAddressChanged(index);
            }
        }
        if (oldState != newState)
        {
            observer.PowerStateChanged(oldState, newState);
        }
        if (msi)
        {
            observer.MsiChanged();
        }
        if (msix)
        {
            observer.MsixChanged();
        }
        if (deviceControl)
        {
            observer.DeviceControlChanged();
        }
        if (functionLevelReset)
        {
            observer.FunctionLevelReset();
        }
    }

    private bool Changed(int offset, int length) =>
        !Registers.Bytes.Slice(offset, length).SequenceEqual(_before.AsSpan(offset, length));

    private static void CheckRange(int offset, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, PciRegister.SpaceSize);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, PciRegister.SpaceSize - length);
    }

    private static void CheckDword(int offset)
    {
        CheckRange(offset, sizeof(uint));
        if (offset % sizeof(uint) != 0)
        {
            throw new ArgumentOutOfRangeException(nameof(offset), offset, "a DW is at a multiple of 4");
        }
    }
}
