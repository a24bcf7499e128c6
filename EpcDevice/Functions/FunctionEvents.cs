using EpfTest.EpcDevice.Guest;
using EpfTest.EpcDevice.Registers;
using EpfTest.Protocol.Pcie;

namespace EpfTest.EpcDevice.Functions;

/// <summary>A function's event registers, and its bit in the global ones.</summary>
/// <remarks>Guarded by the controller's lock.</remarks>
internal sealed class FunctionEvents(FunctionId function, GlobalEvents global)
{
    private EventBits _bits = new();

    public uint Status => _bits.Status;

    public uint Mask => _bits.Mask;

    /// <summary>
    /// Whether a hot reset holds the function: the driver is to be told of it, and has not cleared the event yet.
    /// </summary>
    public bool HoldsFunction => (_bits.Status & ~_bits.Mask & EpcRegister.FnEventReset) != 0;

    public void Raise(uint events) => global.FunctionRaised(function, _bits.Raise(events));

    /// <summary>The driver clears events.</summary>
    public void WriteStatus(uint value)
    {
        _bits.Clear(value);
        global.FunctionWritten(function, _bits.Pending);
    }

    public void WriteMask(uint value)
    {
        _bits.Mask = value;
        global.FunctionWritten(function, _bits.Pending);
    }

    public void Reset()
    {
        _bits = new EventBits();
        global.FunctionReset(function);
    }
}
