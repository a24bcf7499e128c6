using System.Diagnostics;
using System.Runtime.InteropServices;

namespace EpfTest.Protocol.Memory;

/// <summary>A read or a write of memory, so that one path serves both directions.</summary>
/// <remarks>Copying one costs more than an access of a few bytes: paths that are hot take its parts as
/// parameters.</remarks>
internal readonly ref struct MemoryAccess
{
    private readonly Span<byte> _bytes;

    internal MemoryAccess(ulong address, Span<byte> bytes, DmaAccess kind)
    {
        Address = address;
        _bytes = bytes;
        Kind = kind;
    }

    /// <summary>The first address.</summary>
    public ulong Address { get; }

    /// <summary><see cref="DmaAccess.Read"/> or <see cref="DmaAccess.Write"/>.</summary>
    public DmaAccess Kind { get; }

    public bool IsWrite => Kind == DmaAccess.Write;

    public int Length => _bytes.Length;

    /// <summary>Where a read puts its bytes.</summary>
    public Span<byte> Destination
    {
        get
        {
            Debug.Assert(!IsWrite, "the bytes of a write are not ours to change");
            return _bytes;
        }
    }

    /// <summary>The bytes of a write.</summary>
    public ReadOnlySpan<byte> Source => _bytes;

    public static MemoryAccess Read(ulong address, Span<byte> destination) => new(address, destination, DmaAccess.Read);

    public static MemoryAccess Write(ulong address, ReadOnlySpan<byte> source) =>
        new(address, AsSpan(source), DmaAccess.Write);

    /// <summary>The bytes of a write, as what a read fills; for code that checks the direction before it uses
    /// them.</summary>
    public static Span<byte> AsSpan(ReadOnlySpan<byte> source) =>
        MemoryMarshal.CreateSpan(ref MemoryMarshal.GetReference(source), source.Length);

    /// <summary>The first <paramref name="length"/> bytes of it.</summary>
    public MemoryAccess First(int length) => new(Address, _bytes[..length], Kind);

    /// <summary>What follows the first <paramref name="length"/> bytes.</summary>
    public MemoryAccess Skip(int length) => new(Address + (ulong)length, _bytes[length..], Kind);
}
