using System.Buffers.Binary;
using System.Numerics;

namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// MSI capability with 64-bit addresses and, if wanted, per-vector masking. PCI Express Base Specification 6.0,
/// section 7.7.1; Linux' <c>PCI_MSI_*</c>.
/// </summary>
internal sealed class MsiCapability : Capability
{
    private const int LengthWithoutMasking = 14;
    private const int LengthWithMasking = 24;
    private const int MaxVectors = 32;

    private const int MessageControl = 0x02;
    private const uint EnableBit = 1 << 0;
    private const int MultipleMessageCapableShift = 1;
    private const uint MultipleMessageCapableMask = 0x7 << MultipleMessageCapableShift;
    private const int MultipleMessageEnableShift = 4;
    private const uint MultipleMessageEnableMask = 0x7 << MultipleMessageEnableShift;
    private const uint Address64Capable = 1 << 7;
    private const uint PerVectorMaskingCapable = 1 << 8;

    private const int MessageAddress = 0x04;
    private const int MessageUpperAddress = 0x08;
    private const int MessageData = 0x0C;
    private const int MaskBits = 0x10;
    private const int PendingBits = 0x14;

    internal MsiCapability(ConfigSpace space, int vectorCount, bool perVectorMasking)
        : base(space, PciRegister.MsiId, LengthOf(perVectorMasking))
    {
        PerVectorMasking = perVectorMasking;
        Registers.Define(
            Offset + MessageControl,
            2,
            Address64Capable | (perVectorMasking ? PerVectorMaskingCapable : 0),
            writable: EnableBit | MultipleMessageEnableMask);
        Registers.Define(Offset + MessageAddress, 4, 0, writable: ~0x3U);
        Registers.Define(Offset + MessageUpperAddress, 4, 0, writable: ~0U);
        Registers.Define(Offset + MessageData, 2, 0, writable: 0xFFFF);
        VectorCount = vectorCount;
    }

    /// <summary>Whether the host can mask each vector.</summary>
    public bool PerVectorMasking { get; }

    /// <summary>
    /// Multiple Message Capable as a number of vectors: 1, 2, 4, 8, 16 or 32. Setting another number clears mask and
    /// pending bits.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value set is another number.</exception>
    public int VectorCount
    {
        get;
        set
        {
            CheckVectorCount(value);
            if (field == value)
            {
                return;
            }
            field = value;
            Registers.SetDefault(
                Offset + MessageControl,
                2,
                MultipleMessageCapableMask,
                (uint)BitOperations.Log2((uint)value) << MultipleMessageCapableShift);
            if (PerVectorMasking)
            {
                // The bits of vectors that are not there are reserved.
                Registers.Define(Offset + MaskBits, 4, 0, writable: (uint)((1UL << value) - 1));
                Registers.Define(Offset + PendingBits, 4, 0);
            }
        }
    }

    /// <summary>MSI Enable.</summary>
    public bool Enabled => (Registers.GetWord(Offset + MessageControl) & EnableBit) != 0;

    /// <summary>
    /// The number of vectors that the function may use: from Multiple Message Enable, not more than it asked for, and 0
    /// while MSI is disabled.
    /// </summary>
    public int EnabledVectors
    {
        get
        {
            uint control = Registers.GetWord(Offset + MessageControl);
            int log2 = (int)((control & MultipleMessageEnableMask) >> MultipleMessageEnableShift);
            return (control & EnableBit) != 0 ? Math.Min(1 << log2, VectorCount) : 0;
        }
    }

    /// <summary>Message Address: the host bus address to write to.</summary>
    public ulong Address => BinaryPrimitives.ReadUInt64LittleEndian(Registers.Bytes[(Offset + MessageAddress)..]);

    /// <summary>Message Data as the host wrote it: that of vector 0 (see <see cref="DataOf"/>).</summary>
    public ushort Data => Registers.GetWord(Offset + MessageData);

    /// <summary>Mask Bits, bit n for vector n; 0 without per-vector masking.</summary>
    public uint Mask => PerVectorMasking ? Registers.GetDword(Offset + MaskBits) : 0;

    /// <summary>Pending Bits, bit n for vector n: vectors whose message waits for unmasking.</summary>
    /// <exception cref="InvalidOperationException">Setting it without per-vector masking.</exception>
    public uint Pending
    {
        get => PerVectorMasking ? Registers.GetDword(Offset + PendingBits) : 0;
        set
        {
            if (!PerVectorMasking)
            {
                throw new InvalidOperationException("there are no Pending Bits without per-vector masking");
            }
            Registers.Set(Offset + PendingBits, 4, ~0U, value);
        }
    }

    internal int Length => LengthOf(PerVectorMasking);

    /// <summary>
    /// The data to write for a vector: Message Data with its low bits, as many as there are enabled vectors,
    /// replaced by the vector's number (section 7.7.1.5).
    /// </summary>
    /// <param name="vector">0 to <see cref="EnabledVectors"/> - 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The vector is not enabled.</exception>
    public ushort DataOf(int vector)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(vector);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(vector, EnabledVectors);
        return (ushort)((Data & ~(EnabledVectors - 1)) | vector);
    }

    internal static void CheckVectorCount(int vectorCount)
    {
        if (vectorCount is < 1 or > MaxVectors || !BitOperations.IsPow2(vectorCount))
        {
            throw new ArgumentOutOfRangeException(
                nameof(vectorCount), vectorCount, "MSI has 1, 2, 4, 8, 16 or 32 vectors");
        }
    }

    private static int LengthOf(bool perVectorMasking) =>
        perVectorMasking ? LengthWithMasking : LengthWithoutMasking;
}
