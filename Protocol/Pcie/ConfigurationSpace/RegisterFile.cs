using System.Buffers.Binary;
using System.Diagnostics;

namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// The bytes of a configuration space, and the type of each bit: what a host write and a reset do to it (section 7.4).
/// Knows no register. Values are little-endian.
/// </summary>
internal sealed class RegisterFile
{
    private readonly byte[] _value = new byte[PciRegister.SpaceSize];
    private readonly byte[] _default = new byte[PciRegister.SpaceSize];
    private readonly byte[] _writable = new byte[PciRegister.SpaceSize];
    private readonly byte[] _writeOneToClear = new byte[PciRegister.SpaceSize];
    private readonly byte[] _sticky = new byte[PciRegister.SpaceSize];
    private readonly byte[] _keptByFunctionLevelReset = new byte[PciRegister.SpaceSize];

    public ReadOnlySpan<byte> Bytes => _value;

    /// <summary>
    /// Defines a register of 1 to 4 bytes: its value out of reset, which it takes, its RW and RW1C bits (all others are
    /// read-only), bits that survive hot reset and FLR (ROS, RWS, RW1CS), and other bits that survive FLR.
    /// </summary>
    public void Define(
        int offset,
        int width,
        uint value,
        uint writable = 0,
        uint writeOneToClear = 0,
        uint sticky = 0,
        uint keptByFunctionLevelReset = 0)
    {
        Debug.Assert((writable & writeOneToClear) == 0, "a bit is either RW or RW1C");
        Store(_value, offset, width, value);
        Store(_default, offset, width, value);
        Store(_writable, offset, width, writable);
        Store(_writeOneToClear, offset, width, writeOneToClear);
        Store(_sticky, offset, width, sticky);
        Store(_keptByFunctionLevelReset, offset, width, keptByFunctionLevelReset);
    }

    public ushort GetWord(int offset) => BinaryPrimitives.ReadUInt16LittleEndian(_value.AsSpan(offset));

    public uint GetDword(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(_value.AsSpan(offset));

    /// <summary>Sets the bits of <paramref name="mask"/> from the device side, until a reset.</summary>
    public void Set(int offset, int width, uint mask, uint value) =>
        Store(_value, offset, width, (Load(_value, offset, width) & ~mask) | (value & mask));

    /// <summary>Sets the bits of <paramref name="mask"/> from the device side, resets included.</summary>
    public void SetDefault(int offset, int width, uint mask, uint value)
    {
        Set(offset, width, mask, value);
        Store(_default, offset, width, (Load(_default, offset, width) & ~mask) | (value & mask));
    }

    /// <summary>Writes as the host does: RW bits take the data, RW1C bits are cleared by ones.</summary>
    public void HostWrite(int offset, ReadOnlySpan<byte> data)
    {
        for (int i = 0; i < data.Length; i++)
        {
            int at = offset + i;
            int written = (_value[at] & ~_writable[at]) | (data[i] & _writable[at]);
            _value[at] = (byte)(written & ~(data[i] & _writeOneToClear[at]));
        }
    }

    /// <summary>Returns each bit that <paramref name="kind"/> does not keep to its value out of reset.</summary>
    public void Reset(ResetKind kind)
    {
        for (int i = 0; i < _value.Length; i++)
        {
            int kept = kind switch
            {
                ResetKind.FunctionLevel => _sticky[i] | _keptByFunctionLevelReset[i],
                ResetKind.Hot => _sticky[i],
                _ => 0,
            };
            _value[i] = (byte)((_value[i] & kept) | (_default[i] & ~kept));
        }
    }

    private static uint Load(byte[] bytes, int offset, int width)
    {
        uint value = 0;
        for (int i = 0; i < width; i++)
        {
            value |= (uint)bytes[offset + i] << (8 * i);
        }
        return value;
    }

    private static void Store(byte[] bytes, int offset, int width, uint value)
    {
        for (int i = 0; i < width; i++)
        {
            bytes[offset + i] = (byte)(value >> (8 * i));
        }
    }
}
