using System.Buffers.Binary;
using EpfTest.EpcDevice.Dma;
using EpfTest.EpcDevice.Registers;

namespace EpfTest.Kit.EpcDevice;

/// <summary>The driver's part of a DMA channel.</summary>
internal sealed class DmaRing(EpcRig rig, int channel = 0, int size = 16, ulong address = DmaRing.DefaultAddress)
{
    public const ulong DefaultAddress = FakeGuest.RamAddress;

    private int _tail;

    public int Vector => 1 + channel;

    public uint Head => rig.Read(EpcRig.Dma(channel, EpcRegister.DmaHead));

    public void Enable()
    {
        rig.Write64(EpcRig.Dma(channel, EpcRegister.DmaRingLo), address);
        rig.Write(EpcRig.Dma(channel, EpcRegister.DmaRingSize), (uint)size);
        rig.Write(EpcRig.Dma(channel, EpcRegister.DmaIrqStatus), uint.MaxValue);
        rig.Write(EpcRig.Dma(channel, EpcRegister.DmaIrqMask), 0);
        rig.Write(EpcRig.Dma(channel, EpcRegister.DmaControl), EpcRegister.DmaControlEnable);
    }

    /// <summary>Fills the next descriptor; <see cref="Submit"/> makes it ready.</summary>
    /// <returns>Its index.</returns>
    public int Add(ulong source, ulong destination, int length, uint flags)
    {
        Span<byte> descriptor = stackalloc byte[EpcRegister.DescSize];
        descriptor.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(descriptor[EpcRegister.DescSource..], source);
        BinaryPrimitives.WriteUInt64LittleEndian(descriptor[EpcRegister.DescDestination..], destination);
        BinaryPrimitives.WriteInt32LittleEndian(descriptor[EpcRegister.DescLength..], length);
        BinaryPrimitives.WriteUInt32LittleEndian(descriptor[EpcRegister.DescFlags..], flags);
        rig.Guest.Write(address + (ulong)(_tail * EpcRegister.DescSize), descriptor);
        int index = _tail;
        _tail = (_tail + 1) % size;
        return index;
    }

    public void Submit() => rig.Write(EpcRig.Dma(channel, EpcRegister.DmaTail), (uint)_tail);

    /// <summary>Copies with one descriptor and waits for its interrupt.</summary>
    public DmaStatus Copy(ulong source, ulong destination, int length, uint flags)
    {
        int index = Add(source, destination, length, flags | EpcRegister.DescFlagInterrupt);
        Submit();
        rig.Guest.WaitForVector(Vector);
        rig.Write(EpcRig.Dma(channel, EpcRegister.DmaIrqStatus), uint.MaxValue);
        return Status(index);
    }

    public DmaStatus Status(int index) => (DmaStatus)BinaryPrimitives.ReadUInt32LittleEndian(
        rig.Guest.Read(address + (ulong)((index * EpcRegister.DescSize) + EpcRegister.DescStatus), sizeof(uint)));
}
