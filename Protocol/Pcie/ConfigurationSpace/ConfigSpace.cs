using System.Buffers.Binary;

namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// The configuration space of one endpoint function: 4096 bytes with a type 0 header, capabilities and extended
/// capabilities (chapter 7).
/// </summary>
/// <remarks>
/// <para>Two sides use it. The <b>host side</b> is <see cref="Read"/>, <see cref="ReadDword"/>, <see cref="Write"/> and
/// <see cref="WriteDword"/>: writes obey each bit's type (read-only, RW, RW1C), and <see cref="Observer"/> learns what
/// they changed. The <b>device side</b> is everything else: it bypasses those types and informs nobody.</para>
/// <para>Capabilities are linked in the order of adding. Add BARs and capabilities before the link comes up, because
/// hosts read them once. A function that needs others gets a new <see cref="ConfigSpace"/>.</para>
/// <para>An FLR clears the BARs (section 6.6.2). QEMU's vfio client emulates the BARs and keeps their addresses, and a
/// Linux guest, reading those back, does not write them again: set <see cref="PreserveBarAddressesOnFlr"/> where such a
/// client is the host.</para>
/// <para>Not thread-safe: the caller serialises all use; the observer is called on the writing thread. Accesses
/// allocate nothing.</para>
/// </remarks>
internal sealed partial class ConfigSpace
{
    private readonly byte[] _before = new byte[PciRegister.SpaceSize];

    public ConfigSpace(ConfigSpaceHeader header)
    {
        Header = header;
        DefineHeader();
    }

    public IConfigSpaceObserver? Observer { get; set; }

    /// <summary>Whether BARs keep the addresses that the host programmed when it initiates an FLR.</summary>
    public bool PreserveBarAddressesOnFlr { get; set; }

    internal RegisterFile Registers { get; } = new();

    /// <exception cref="ArgumentOutOfRangeException">The range is not inside the 4096 bytes.</exception>
    public void Read(int offset, Span<byte> data)
    {
        CheckRange(offset, data.Length);
        Registers.Bytes.Slice(offset, data.Length).CopyTo(data);
    }

    /// <summary>Reads a DW, as CfgRd0 does; the byte at <paramref name="offset"/> is its lowest.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no DW at the offset.</exception>
    public uint ReadDword(int offset)
    {
        CheckDword(offset);
        return Registers.GetDword(offset);
    }

    /// <summary>Writes bytes as the host, all of them before any effect.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is not inside the 4096 bytes.</exception>
    public void Write(int offset, ReadOnlySpan<byte> data)
    {
        CheckRange(offset, data.Length);
        Registers.Bytes.CopyTo(_before);
        Registers.HostWrite(offset, data);
        CompleteHostWrite();
    }

    /// <summary>Writes a DW as the host, as CfgWr0 does.</summary>
    /// <param name="offset">Offset of the lowest byte, a multiple of 4.</param>
    /// <param name="value">The DW.</param>
    /// <param name="byteEnables">First DW BE: bit n is for the byte at <paramref name="offset"/> + n.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// There is no DW at the offset, or there are more than 4 byte enables.
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
    /// Takes the function through a reset that the host did not initiate through this space, without calling the
    /// observer.
    /// </summary>
    public void Reset(ResetKind kind, bool preserveBarAddresses = false)
    {
        Span<byte> bars = stackalloc byte[PciRegister.BaseAddressCount * sizeof(uint)];
        Registers.Bytes.Slice(PciRegister.BaseAddress0, bars.Length).CopyTo(bars);
        Registers.Reset(kind);
        if (preserveBarAddresses)
        {
            // As the host, because that changes the address bits only.
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
        // Everything is compared before the first call, because an observer may change the space.
        var oldCommand = (PciCommand)BinaryPrimitives.ReadUInt16LittleEndian(_before.AsSpan(PciRegister.Command));
        PciCommand newCommand = Command;
        PowerState oldState = PowerManagement?.StateIn(_before) ?? PowerState.D0;
        PowerState newState = PowerState;
        int bars = ChangedBars();
        bool msi = Msi is { } m && Changed(m.Offset, MsiCapability.Length);
        bool msix = Msix is { } x && Changed(x.Offset, MsixCapability.Length);

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
