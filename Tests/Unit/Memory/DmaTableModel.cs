using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Memory;

namespace EpfTest.Unit.Memory;

/// <summary>
/// A simple model of DmaTable: a list of ranges, searched byte by byte. Its addresses
/// are the last and the first few of the 64-bit space, so that ranges meet at both sides of the wrap.
/// </summary>
internal sealed class DmaTableModel : IDmaMessenger
{
    public const int Unit = 16;
    public const int Span = 32 * Unit;
    public const ulong FirstAddress = ulong.MaxValue - (Span / 2) + 1;

    private readonly List<Range> _ranges = [];

    /// <summary>Memory that no descriptor reaches, by position in the addresses.</summary>
    public byte[] MessageMemory { get; } = new byte[Span + (8 * Unit)];

    public int Count => _ranges.Count;

    public Errno Map(ulong address, ulong size, DmaAccess access, byte[]? file, ulong fileOffset, bool isWritable)
    {
        UInt128 end = (UInt128)address + size;
        if (size == 0 || end > (UInt128)ulong.MaxValue + 1)
        {
            return Errno.EINVAL;
        }

        if (_ranges.Exists(range => address < (UInt128)range.Address + range.Size && range.Address < end))
        {
            return Errno.EEXIST;
        }

        bool isHeld = file is null || fileOffset + size <= (ulong)file.Length;
        if (!isHeld || (file is not null && access.HasFlag(DmaAccess.Write) && !isWritable))
        {
            return Errno.EINVAL;
        }

        _ranges.Add(new Range(address, size, access, file, fileOffset));
        return Errno.None;
    }

    /// <summary>Removes the ranges inside an address range, unless one is only partly inside.</summary>
    public bool Unmap(ulong first, ulong last)
    {
        List<Range> touched = _ranges.FindAll(
            range => range.Address <= last && range.Address + (range.Size - 1) >= first);
        bool areInside = touched.TrueForAll(
            range => range.Address >= first && range.Address + (range.Size - 1) <= last);
        return areInside && _ranges.RemoveAll(touched.Contains) == touched.Count;
    }

    public void UnmapAll() => _ranges.Clear();

    /// <summary>Moves bytes until the first that may not be moved.</summary>
    public Errno Access(ulong address, Span<byte> local, DmaAccess access)
    {
        if ((UInt128)address + (ulong)local.Length > (UInt128)ulong.MaxValue + 1)
        {
            return Errno.EFAULT;
        }

        for (int i = 0; i < local.Length; i++)
        {
            UInt128 place = (UInt128)address + (ulong)i;
            if (_ranges.Find(candidate => place >= candidate.Address && place - candidate.Address < candidate.Size)
                is not { } range)
            {
                return Errno.EFAULT;
            }

            if (!range.Access.HasFlag(access))
            {
                return Errno.EACCES;
            }

            ulong inside = (ulong)place - range.Address;
            ref byte held = ref range.File is null
                ? ref MessageMemory[(ulong)place - FirstAddress]
                : ref range.File[range.FileOffset + inside];
            if (access == DmaAccess.Read)
            {
                local[i] = held;
            }
            else
            {
                held = local[i];
            }
        }

        return Errno.None;
    }

    public Errno Access(MemoryAccess access)
    {
        Span<byte> memory = MessageMemory.AsSpan((int)(access.Address - FirstAddress), access.Length);
        if (access.IsWrite)
        {
            access.Source.CopyTo(memory);
        }
        else
        {
            memory.CopyTo(access.Destination);
        }

        return Errno.None;
    }

    private sealed record Range(ulong Address, ulong Size, DmaAccess Access, byte[]? File, ulong FileOffset);
}
