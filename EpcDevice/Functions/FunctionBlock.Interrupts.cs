using System.Buffers.Binary;
using System.Numerics;
using EpfTest.EpcDevice.Registers;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.EpcDevice.Functions;

/// <content>Interrupts to the host: MSI, MSI-X and INTx.</content>
internal sealed partial class FunctionBlock
{
    private const int MaxMsixVectors = 2048;
    private const int BitsPerWord = 64;

    private readonly ulong[] _msixPending = new ulong[MaxMsixVectors / BitsPerWord];

    // Messages of the pin in their order: taken before the controller's lock, never with it held.
    private readonly Lock _intxSending = new();

    // Likewise. The link is told of changes only: while it is down it may be told of something that does not hold any more.
    private readonly Lock _busMasterTelling = new();
    private bool _busMasterTold;
    private uint _msixTable;
    private uint _msixPba;
    private int _msiVectors;
    private MsixLayout? _msix;
    private bool _intx;
    private bool _intxSent;
    private volatile bool _isBusMaster;
    private volatile MsiTarget? _msiTarget;

    /// <summary>Whether the function may issue requests: the host can see it, in D0, and has set Bus Master Enable.</summary>
    public bool IsBusMaster => _isBusMaster;

    /// <summary>Sends a memory write of the function as an MSI if it is one.</summary>
    public bool TryWriteMsi(ulong address, ReadOnlySpan<byte> source)
    {
        if (source.Length != sizeof(uint)
            || _msiTarget is not { } target
            || !target.Matches(address, BinaryPrimitives.ReadUInt32LittleEndian(source), out int vector))
        {
            return false;
        }

        RaiseMsi((uint)vector);
        return true;
    }

    private uint ReadInterruptRegister(int offset)
    {
        MsiCapability? msi = _config?.Msi;
        MsixCapability? msix = _config?.Msix;
        return offset switch
        {
            EpcRegister.FnMsiSetup => (uint)_msiVectors,
            EpcRegister.FnMsiState => Field.Put(EpcRegister.FnMsiStateEnabled, msi?.Enabled ?? false)
                | Field.Put(EpcRegister.FnMsiStateVectors, msi?.EnabledVectors ?? 0),
            EpcRegister.FnMsixTable => _msixTable,
            EpcRegister.FnMsixPba => _msixPba,
            EpcRegister.FnMsixSetup => (uint)(_msix?.VectorCount ?? 0),
            EpcRegister.FnMsixState => Field.Put(EpcRegister.FnMsixStateEnabled, msix?.Enabled ?? false)
                | Field.Put(EpcRegister.FnMsixStateMasked, msix?.FunctionMask ?? false)
                | Field.Put(EpcRegister.FnMsixStateVectors, _msix?.VectorCount ?? 0),
            EpcRegister.FnIntx => Field.Put(EpcRegister.FnIntxAssert, _intx),
            EpcRegister.FnMsiAddressLo => (uint)(msi?.Address ?? 0),
            EpcRegister.FnMsiAddressHi => (uint)((msi?.Address ?? 0) >> 32),
            EpcRegister.FnMsiData => msi?.Data ?? 0u,
            _ => 0,
        };
    }

    private void WriteInterruptRegister(int offset, uint value)
    {
        switch (offset)
        {
            case EpcRegister.FnMsiSetup:
                _result = CommitMsi(value);
                break;
            case EpcRegister.FnMsixTable:
                _msixTable = value;
                break;
            case EpcRegister.FnMsixPba:
                _msixPba = value;
                break;
            case EpcRegister.FnMsixSetup:
                _result = CommitMsix(value);
                break;
            case EpcRegister.FnRaiseMsi:
                _result = RaiseMsi(value);
                break;
            case EpcRegister.FnRaiseMsix:
                _result = RaiseMsix(value);
                break;
            case EpcRegister.FnIntx:
                _result = SetIntx((value & EpcRegister.FnIntxAssert) != 0);
                break;
        }
    }

    private CommitResult CommitMsi(uint vectors)
    {
        if (vectors > 32 || (vectors != 0 && !BitOperations.IsPow2(vectors)))
        {
            return CommitResult.Invalid;
        }

        lock (_lock)
        {
            if (_link.AreFunctionsFixed && _msiVectors != (int)vectors)
            {
                return CommitResult.Busy;
            }

            _msiVectors = (int)vectors;
            return CommitResult.Ok;
        }
    }

    private CommitResult CommitMsix(uint vectors)
    {
        MsixLayout? layout = null;
        if (vectors != 0)
        {
            if (vectors > MaxMsixVectors)
            {
                return CommitResult.Invalid;
            }

            layout = new MsixLayout(
                (int)vectors,
                Field.Get(EpcRegister.FnMsixBir, _msixTable),
                _msixTable & EpcRegister.FnMsixOffset,
                Field.Get(EpcRegister.FnMsixBir, _msixPba),
                _msixPba & EpcRegister.FnMsixOffset);
        }

        lock (_lock)
        {
            if (layout is { } asked && !IsPossible(asked))
            {
                return CommitResult.Invalid;
            }

            if (_link.AreFunctionsFixed && _msix != layout)
            {
                return CommitResult.Busy;
            }

            _msix = layout;
            return CommitResult.Ok;
        }
    }

    /// <summary>
    /// Whether a layout can be encoded and fits into its BARs. A BAR that is not set yet is checked when the link comes
    /// up.
    /// </summary>
    private bool IsPossible(MsixLayout layout) =>
        layout.TryCheck(out _)
        && (_bars[layout.TableBar] is null || _bars[layout.PbaBar] is null || layout.TryCheckFit(_bars, out _));

    private CommitResult RaiseMsi(uint vector)
    {
        lock (_lock)
        {
            if (!_link.IsUp || _config is null)
            {
                return CommitResult.LinkDown;
            }

            if (_config.Msi is not { Enabled: true } msi || !_isBusMaster)
            {
                return CommitResult.NotEnabled;
            }

            if (vector >= msi.EnabledVectors)
            {
                return CommitResult.Invalid;
            }

            uint bit = 1U << (int)vector;
            if ((msi.Mask & bit) != 0)
            {
                msi.Pending |= bit;
                return CommitResult.Ok;
            }
        }

        Port.SendInterrupt(InterruptKind.Msi, (int)vector);
        return CommitResult.Ok;
    }

    private CommitResult RaiseMsix(uint vector)
    {
        lock (_lock)
        {
            if (!_link.IsUp || _config is null)
            {
                return CommitResult.LinkDown;
            }

            if (_config.Msix is not { Enabled: true } msix || !_isBusMaster)
            {
                return CommitResult.NotEnabled;
            }

            if (vector >= msix.VectorCount)
            {
                return CommitResult.Invalid;
            }

            if (msix.FunctionMask)
            {
                _msixPending[vector / BitsPerWord] |= 1UL << (int)(vector % BitsPerWord);
                return CommitResult.Ok;
            }
        }

        Port.SendInterrupt(InterruptKind.Msix, (int)vector);
        return CommitResult.Ok;
    }

    /// <summary>
    /// Drives the pin. A level that the host has disabled is refused, as the EP guest would wait in vain for it to be
    /// taken back by an interrupt handler.
    /// </summary>
    private CommitResult SetIntx(bool asserted)
    {
        lock (_lock)
        {
            if (_header is { InterruptPin: InterruptPin.None })
            {
                return CommitResult.Invalid;
            }

            if (!_link.IsUp || _config is null)
            {
                return CommitResult.LinkDown;
            }

            if (asserted && !MayAssertIntx(_config))
            {
                return CommitResult.NotEnabled;
            }

            _intx = asserted;
            _config.InterruptStatus = asserted;
        }

        SendIntxChange();
        return CommitResult.Ok;
    }

    /// <summary>Sends the message that the pin's level and the host's enables call for. No lock is held.</summary>
    private void SendIntxChange()
    {
        lock (_intxSending)
        {
            bool level;
            lock (_lock)
            {
                level = _intx && _config is not null && MayAssertIntx(_config);
                if (level == _intxSent)
                {
                    return;
                }

                _intxSent = level;
            }

            Port.SendIntx(level);
        }
    }

    /// <summary>Sends the messages that the host's masks have held back. No lock is held.</summary>
    private void SendUnmasked()
    {
        while (TakeUnmasked(out bool isMsix, out int vector))
        {
            if (isMsix)
            {
                Port.SendInterrupt(InterruptKind.Msix, vector);
            }
            else
            {
                Port.SendInterrupt(InterruptKind.Msi, vector);
            }
        }
    }

    private bool TakeUnmasked(out bool isMsix, out int vector)
    {
        isMsix = false;
        vector = 0;
        lock (_lock)
        {
            if (!_isBusMaster || _config is null)
            {
                return false;
            }

            if (_config.Msi is { Enabled: true } msi && (msi.Pending & ~msi.Mask) is not 0 and var ready)
            {
                vector = BitOperations.TrailingZeroCount(ready);
                msi.Pending &= ~(1U << vector);
                return true;
            }

            int word = _msixPending.AsSpan().IndexOfAnyExcept(0UL);
            if (word >= 0 && _config.Msix is { Enabled: true, FunctionMask: false })
            {
                isMsix = true;
                int bit = BitOperations.TrailingZeroCount(_msixPending[word]);
                _msixPending[word] &= ~(1UL << bit);
                vector = (word * BitsPerWord) + bit;
                return true;
            }
        }

        return false;
    }

    private static bool MayAssertIntx(ConfigSpace config) =>
        !config.InterruptDisable && config.Msi is not { Enabled: true } && config.Msix is not { Enabled: true };

    /// <summary>The function was reset: nothing is pending. The pin is deasserted once the lock is free.</summary>
    private void ForgetInterrupts()
    {
        Array.Clear(_msixPending);
        _intx = false;
    }

    /// <summary>The link is down: the host has forgotten the pin's level, too.</summary>
    private void ResetInterrupts()
    {
        ForgetInterrupts();
        _intxSent = false;
    }

    private void ResetInterruptRegisters()
    {
        _msixTable = _msixPba = 0;
        _msiVectors = 0;
        _msix = null;
    }
}
