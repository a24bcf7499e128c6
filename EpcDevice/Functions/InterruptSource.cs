using System.Buffers.Binary;
using System.Numerics;
using EpfTest.EpcDevice.Registers;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.EpcDevice.Functions;

/// <summary>A function's interrupts: their setup, and what the host has masked or not yet received.</summary>
/// <remarks>The state is guarded by the controller's lock. <see cref="Raise"/>, <see cref="SetIntx"/> and
/// <see cref="SendPending"/> send without it.</remarks>
internal sealed class InterruptSource(FunctionContext context)
{
    private const int BitsPerWord = 64;
    private const int MaxMsiVectors = 32;

    private readonly ulong[] _msixPending = new ulong[MsixLayout.MaxVectors / BitsPerWord];

    // Keeps the messages of the pin in order: taken before the controller's lock, never with it held.
    private readonly Lock _intxSending = new();
    private bool _intxSent;
    private volatile MsiTarget? _msiTarget;

    /// <summary>Vectors of the MSI capability; 0 for none.</summary>
    public int MsiVectors { get; private set; }

    /// <summary>Layout of the MSI-X capability; null for none.</summary>
    public MsixLayout? Msix { get; private set; }

    /// <summary>Whether the EP guest asserts the pin.</summary>
    public bool IsIntxAsserted { get; private set; }

    public CommitResult CommitMsi(uint vectors)
    {
        if (vectors > MaxMsiVectors || (vectors != 0 && !BitOperations.IsPow2(vectors)))
        {
            return CommitResult.Invalid;
        }

        lock (context.Lock)
        {
            if (context.Link.AreFunctionsFixed && MsiVectors != (int)vectors)
            {
                return CommitResult.Busy;
            }

            MsiVectors = (int)vectors;
            return CommitResult.Ok;
        }
    }

    /// <summary>
    /// Sets or clears (null) MSI-X. The layout must fit into its BARs; where one is not set yet, that is checked when
    /// the link comes up.
    /// </summary>
    public CommitResult CommitMsix(MsixLayout? layout, IReadOnlyList<BarSpec?> bars)
    {
        if (layout is { } asked
            && (!asked.TryCheck(out _)
                || (bars[asked.TableBar] is not null
                    && bars[asked.PbaBar] is not null
                    && !asked.TryCheckFit(bars, out _))))
        {
            return CommitResult.Invalid;
        }

        lock (context.Lock)
        {
            if (context.Link.AreFunctionsFixed && Msix != layout)
            {
                return CommitResult.Busy;
            }

            Msix = layout;
            return CommitResult.Ok;
        }
    }

    /// <summary>Sends a vector, or keeps it pending while the host masks it.</summary>
    public CommitResult Raise(InterruptKind kind, uint vector)
    {
        lock (context.Lock)
        {
            if (!context.Link.IsUp || context.Config is not { } config)
            {
                return CommitResult.LinkDown;
            }

            int enabled = EnabledVectors(config, kind);
            if (enabled == 0 || !context.IsBusMaster)
            {
                return CommitResult.NotEnabled;
            }

            if (vector >= enabled)
            {
                return CommitResult.Invalid;
            }

            if (TrySetPending(config, kind, (int)vector))
            {
                return CommitResult.Ok;
            }
        }

        context.Port.SendInterrupt(kind, (int)vector);
        return CommitResult.Ok;
    }

    /// <summary>Sends a memory write of the function as an MSI if it is one.</summary>
    public bool TrySendMsi(ulong address, ReadOnlySpan<byte> source)
    {
        if (source.Length != sizeof(uint)
            || _msiTarget is not { } target
            || !target.Matches(address, BinaryPrimitives.ReadUInt32LittleEndian(source), out int vector))
        {
            return false;
        }

        Raise(InterruptKind.Msi, (uint)vector);
        return true;
    }

    /// <summary>
    /// Drives the pin. Asserting it is refused while the host has INTx disabled: no interrupt handler would make the EP
    /// guest deassert it.
    /// </summary>
    public CommitResult SetIntx(bool asserted)
    {
        lock (context.Lock)
        {
            if (!context.Link.IsUp || context.Config is not { } config)
            {
                return CommitResult.LinkDown;
            }

            if (asserted && !MayAssertIntx(config))
            {
                return CommitResult.NotEnabled;
            }

            IsIntxAsserted = asserted;
            config.InterruptStatus = asserted;
        }

        SendIntxChange();
        return CommitResult.Ok;
    }

    /// <summary>Sends what the host's last write has enabled or unmasked. The controller's lock is not held.</summary>
    public void SendPending()
    {
        SendIntxChange();
        while (TryTakeUnmasked(out InterruptKind kind, out int vector))
        {
            context.Port.SendInterrupt(kind, vector);
        }
    }

    /// <summary>Sends the message that the pin's level and the host's enables call for, if it is new. The controller's
    /// lock is not held.</summary>
    public void SendIntxChange()
    {
        lock (_intxSending)
        {
            bool level;
            lock (context.Lock)
            {
                level = IsIntxAsserted && context.Config is { } config && MayAssertIntx(config);
                if (level == _intxSent)
                {
                    return;
                }

                _intxSent = level;
            }

            context.Port.SendIntx(level);
        }
    }

    /// <summary>Lets <see cref="TrySendMsi"/> see what the host has programmed. Under the controller's lock.</summary>
    public void Publish() => _msiTarget = context.IsBusMaster && context.Config!.Msi is { Enabled: true } msi
        ? new MsiTarget(msi.Address, msi.Data, msi.EnabledVectors)
        : null;

    /// <summary>Drops pending MSI-X vectors: the host has disabled MSI-X. Under the controller's lock.</summary>
    public void ClearMsixPending() => Array.Clear(_msixPending);

    /// <summary>The function was reset: nothing is pending. Under the controller's lock;
    /// <see cref="SendIntxChange"/> follows without it.</summary>
    public void Clear()
    {
        ClearMsixPending();
        IsIntxAsserted = false;
    }

    /// <summary>The host does not see the function any more, and does not know the pin's level. Under the controller's
    /// lock.</summary>
    public void Detach()
    {
        Clear();
        _intxSent = false;
    }

    /// <summary>Clears the setup. Under the controller's lock.</summary>
    public void Reset()
    {
        MsiVectors = 0;
        Msix = null;
    }

    private static bool MayAssertIntx(ConfigSpace config) =>
        !config.InterruptDisable && config.Msi is not { Enabled: true } && config.Msix is not { Enabled: true };

    private static int EnabledVectors(ConfigSpace config, InterruptKind kind) => kind == InterruptKind.Msi
        ? config.Msi is { Enabled: true } msi ? msi.EnabledVectors : 0
        : config.Msix is { Enabled: true } msix ? msix.VectorCount : 0;

    private bool TrySetPending(ConfigSpace config, InterruptKind kind, int vector)
    {
        if (kind == InterruptKind.Msix)
        {
            if (!config.Msix!.FunctionMask)
            {
                return false;
            }

            _msixPending[vector / BitsPerWord] |= 1UL << (vector % BitsPerWord);
            return true;
        }

        MsiCapability msi = config.Msi!;
        uint bit = 1U << vector;
        if ((msi.Mask & bit) == 0)
        {
            return false;
        }

        msi.Pending |= bit;
        return true;
    }

    private bool TryTakeUnmasked(out InterruptKind kind, out int vector)
    {
        kind = InterruptKind.Msi;
        vector = 0;
        lock (context.Lock)
        {
            if (!context.IsBusMaster || context.Config is not { } config)
            {
                return false;
            }

            if (config.Msi is { Enabled: true } msi && (msi.Pending & ~msi.Mask) is not 0 and var ready)
            {
                vector = BitOperations.TrailingZeroCount(ready);
                msi.Pending &= ~(1U << vector);
                return true;
            }

            int word = _msixPending.AsSpan().IndexOfAnyExcept(0UL);
            if (word < 0 || config.Msix is not { Enabled: true, FunctionMask: false })
            {
                return false;
            }

            kind = InterruptKind.Msix;
            int bit = BitOperations.TrailingZeroCount(_msixPending[word]);
            _msixPending[word] &= ~(1UL << bit);
            vector = (word * BitsPerWord) + bit;
            return true;
        }
    }
}
