using EpfTest.EpcDevice.Registers;

namespace EpfTest.EpcDevice.Guest;

/// <summary>
/// The global event registers and the vector that they share with those of the functions. Guarded by the controller's
/// lock.
/// </summary>
internal sealed class GlobalEvents(EpInterrupts interrupts)
{
    private const uint OwnEvents = EpcRegister.EventLinkUp | EpcRegister.EventLinkDown
        | EpcRegister.EventPerstAsserted | EpcRegister.EventPerstDeasserted;
    private const int BitsPerRegister = 32;

    // All eight registers are there; functions that are not never set their bit.
    private readonly uint[] _functions = new uint[8];
    private EventBits _own = new();

    /// <summary>EVENT_STATUS.</summary>
    public uint Status =>
        _own.Status | Field.Put(EpcRegister.EventFunction, _functions.AsSpan().ContainsAnyExcept(0u));

    /// <summary>EVENT_MASK.</summary>
    public uint Mask => _own.Mask;

    /// <summary>How many registers of EVENT_FUNCTIONS there are.</summary>
    public int FunctionRegisters => _functions.Length;

    /// <summary>A register of EVENT_FUNCTIONS.</summary>
    public uint Functions(int register) => _functions[register];

    /// <summary>Something of the link has happened.</summary>
    public void Raise(uint bits)
    {
        if (_own.Raise(bits))
        {
            Fire();
        }
    }

    /// <summary>The driver's write to EVENT_STATUS.</summary>
    public void WriteStatus(uint value)
    {
        _own.Clear(value & OwnEvents);
        FireIfPending();
    }

    /// <summary>The driver's write to EVENT_MASK.</summary>
    public void WriteMask(uint value)
    {
        _own.Mask = value;
        FireIfPending();
    }

    /// <summary>A function's event has appeared; <paramref name="unmasked"/> if its own mask lets it interrupt.</summary>
    public void FunctionRaised(int function, bool unmasked)
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
    public void FunctionWritten(int function, bool pending)
    {
        SetFunction(function, pending);
        FireIfPending();
    }

    /// <summary>A function's event registers are out of reset.</summary>
    public void FunctionReset(int function) => SetFunction(function, false);

    /// <summary>Puts the registers to their reset values.</summary>
    public void Reset()
    {
        _own = new EventBits();
        Array.Clear(_functions);
    }

    private void SetFunction(int function, bool pending)
    {
        uint bit = 1U << (function % BitsPerRegister);
        ref uint register = ref _functions[function / BitsPerRegister];
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
