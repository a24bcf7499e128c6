using EpfTest.EpcDevice.Registers;
using EpfTest.Protocol.Pcie;

namespace EpfTest.EpcDevice.Guest;

/// <summary>
/// The global event registers, and the interrupt vector that they share with those of the functions.
/// </summary>
/// <remarks>Guarded by the controller's lock.</remarks>
internal sealed class GlobalEvents(EpInterrupts interrupts)
{
    private const uint OwnEvents = EpcRegister.EventLinkUp | EpcRegister.EventLinkDown
        | EpcRegister.EventPerstAsserted | EpcRegister.EventPerstDeasserted;
    private const int BitsPerRegister = 32;

    // All eight registers exist; bits of functions that do not exist stay 0.
    private readonly uint[] _functions = new uint[8];
    private EventBits _own = new();

    public uint Status =>
        _own.Status | Field.Put(EpcRegister.EventFunction, _functions.AsSpan().ContainsAnyExcept(0u));

    public uint Mask => _own.Mask;

    /// <summary>The number of EVENT_FUNCTIONS registers.</summary>
    public int FunctionRegisters => _functions.Length;

    public uint Functions(int register) => _functions[register];

    /// <summary>Raises events of the link.</summary>
    public void Raise(uint bits)
    {
        if (_own.Raise(bits))
        {
            Fire();
        }
    }

    public void WriteStatus(uint value)
    {
        _own.Clear(value & OwnEvents);
        FireIfPending();
    }

    public void WriteMask(uint value)
    {
        _own.Mask = value;
        FireIfPending();
    }

    /// <summary>A function has raised an event; <paramref name="unmasked"/> by its own mask.</summary>
    public void FunctionRaised(FunctionId function, bool unmasked)
    {
        if (unmasked)
        {
            SetFunction(function, true);
            if ((_own.Mask & EpcRegister.EventFunction) == 0)
            {
                Fire();
            }
        }
    }

    /// <summary>The driver has written a function's status or mask register.</summary>
    public void FunctionWritten(FunctionId function, bool pending)
    {
        SetFunction(function, pending);
        FireIfPending();
    }

    public void FunctionReset(FunctionId function) => SetFunction(function, false);

    public void Reset()
    {
        _own = new EventBits();
        Array.Clear(_functions);
    }

    private void SetFunction(FunctionId function, bool pending)
    {
        uint bit = 1U << (function.Number % BitsPerRegister);
        ref uint register = ref _functions[function.Number / BitsPerRegister];
        register = pending ? register | bit : register & ~bit;
    }

    private void FireIfPending()
    {
        if ((Status & ~_own.Mask) != 0)
        {
            Fire();
        }
    }

    private void Fire() => interrupts.Fire(EpInterrupts.EventVector);
}
