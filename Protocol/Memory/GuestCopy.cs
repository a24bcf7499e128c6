using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace EpfTest.Protocol.Memory;

/// <summary>
/// Copies between our memory and memory that a guest uses at the same time. An aligned access of 1, 2, 4 or 8 bytes is
/// one load or store, as on a bus, so that neither side sees half of it; any other is a vectorised copy.
/// </summary>
internal static unsafe class GuestCopy
{
    /// <summary>Copies from <paramref name="guest"/>, where destination.Length bytes are mapped.</summary>
    public static void FromGuest(byte* guest, Span<byte> destination)
    {
        ref byte local = ref MemoryMarshal.GetReference(destination);
        switch (destination.Length)
        {
            case 1:
                local = Volatile.Read(ref *guest);
                break;
            case 2 when IsAligned(guest, 2):
                Unsafe.WriteUnaligned(ref local, Volatile.Read(ref *(ushort*)guest));
                break;
            case 4 when IsAligned(guest, 4):
                Unsafe.WriteUnaligned(ref local, Volatile.Read(ref *(uint*)guest));
                break;
            case 8 when IsAligned(guest, 8):
                Unsafe.WriteUnaligned(ref local, Volatile.Read(ref *(ulong*)guest));
                break;
            default:
                new ReadOnlySpan<byte>(guest, destination.Length).CopyTo(destination);
                break;
        }
    }

    /// <summary>Copies to <paramref name="guest"/>, where source.Length bytes are mapped for writing.</summary>
    public static void ToGuest(ReadOnlySpan<byte> source, byte* guest)
    {
        ref byte local = ref MemoryMarshal.GetReference(source);
        switch (source.Length)
        {
            case 1:
                Volatile.Write(ref *guest, local);
                break;
            case 2 when IsAligned(guest, 2):
                Volatile.Write(ref *(ushort*)guest, Unsafe.ReadUnaligned<ushort>(ref local));
                break;
            case 4 when IsAligned(guest, 4):
                Volatile.Write(ref *(uint*)guest, Unsafe.ReadUnaligned<uint>(ref local));
                break;
            case 8 when IsAligned(guest, 8):
                Volatile.Write(ref *(ulong*)guest, Unsafe.ReadUnaligned<ulong>(ref local));
                break;
            default:
                source.CopyTo(new Span<byte>(guest, source.Length));
                break;
        }
    }

    private static bool IsAligned(byte* pointer, nuint size) => ((nuint)pointer & (size - 1)) == 0;
}
