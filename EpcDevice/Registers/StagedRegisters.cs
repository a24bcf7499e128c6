namespace EpfTest.EpcDevice.Registers;

/// <summary>Registers that only keep what was written, until a commit uses it.</summary>
/// <param name="size">Bytes from the first register to the end of the last.</param>
internal sealed class StagedRegisters(int size)
{
    private readonly uint[] _registers = new uint[size / sizeof(uint)];

    public uint this[int offset]
    {
        get => _registers[offset / sizeof(uint)];
        set => _registers[offset / sizeof(uint)] = value;
    }

    /// <summary>The 64-bit register whose lower half is at <paramref name="offset"/>.</summary>
    public ulong Get64(int offset) => this[offset] | ((ulong)this[offset + sizeof(uint)] << 32);

    public void Clear() => Array.Clear(_registers);
}
