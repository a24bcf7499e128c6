using System.Buffers.Binary;
using System.Numerics;

namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// MSI capability with 64-bit addresses and per-vector masking (section 7.7.1; Linux' <c>PCI_MSI_*</c>).
/// </summary>
internal sealed class MsiCapability : Capability
{
    public const int Length = 24;

    private const int MessageControl = 0x02;
    private const uint EnableBit = 1 << 0;
    private const int MultipleMessageCapableShift = 1;
    private const int MultipleMessageEnableShift = 4;
    private const uint MultipleMessageEnableMask = 0x7 << MultipleMessageEnableShift;
    private const uint Address64Capable = 1 << 7;
    private const uint PerVectorMaskingCapable = 1 << 8;

    private const int MessageAddress = 0x04;
    private const int MessageUpperAddress = 0x08;
    private const int MessageData = 0x0C;
    private const int MaskBits = 0x10;
    private const int PendingBits = 0x14;

    public MsiCapability(ConfigSpace space, int vectorCount)
        : base(space, PciRegister.MsiId, Length)
    {
        VectorCount = vectorCount;
        Registers.Define(
            Offset + MessageControl,
            2,
            ((uint)BitOperations.Log2((uint)vectorCount) << MultipleMessageCapableShift)
                | Address64Capable | PerVectorMaskingCapable,
            writable: EnableBit | MultipleMessageEnableMask);
        Registers.Define(Offset + MessageAddress, 4, 0, writable: ~0x3U);
        Registers.Define(Offset + MessageUpperAddress, 4, 0, writable: ~0U);
        Registers.Define(Offset + MessageData, 2, 0, writable: 0xFFFF);
        // The bits of vectors that are not there are reserved.
        Registers.Define(Offset + MaskBits, 4, 0, writable: (uint)((1UL << vectorCount) - 1));
        Registers.Define(Offset + PendingBits, 4, 0);
    }

    /// <summary>Multiple Message Capable as a number of vectors.</summary>
    public int VectorCount { get; }

    public bool Enabled => (Registers.GetWord(Offset + MessageControl) & EnableBit) != 0;

    /// <summary>
    /// Vectors that the function may use: Multiple Message Enable, at most <see cref="VectorCount"/>; 0 while MSI is
    /// disabled.
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

    /// <summary>Message Address: a host bus address.</summary>
    public ulong Address => BinaryPrimitives.ReadUInt64LittleEndian(Registers.Bytes[(Offset + MessageAddress)..]);

    /// <summary>Message Data of vector 0; the vector's number replaces its low bits (section 7.7.1.5).</summary>
    public ushort Data => Registers.GetWord(Offset + MessageData);

    /// <summary>Mask Bits, bit n for vector n.</summary>
    public uint Mask => Registers.GetDword(Offset + MaskBits);

    /// <summary>Pending Bits, bit n for vector n: vectors whose message waits for unmasking.</summary>
    public uint Pending
    {
        get => Registers.GetDword(Offset + PendingBits);
        set => Registers.Set(Offset + PendingBits, 4, ~0U, value);
    }
}
