using EpfTest.Protocol.Linux;

namespace EpfTest.Protocol.VfioUser;

/// <summary>
/// The interrupts that a client has set up by VFIO_USER_DEVICE_SET_IRQS: an eventfd for each vector, and masks.
/// </summary>
/// <remarks>
/// Devices raise interrupts from any thread; set-up belongs to the thread that serves the client. A vector that is
/// masked, or has no eventfd yet, keeps one interrupt pending until it can be delivered. A vector whose delivery takes
/// no more than a write to its eventfd may be leased.
/// </remarks>
internal sealed class InterruptTable : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Vector[][] _vectors;
    private readonly bool[] _enabled;
    private EventFdWatcher? _watcher;
    private ISignalLessee? _lessee;
    private bool _isChanging;
    private bool _intxAsserted;

    internal InterruptTable(IReadOnlyList<int> counts)
    {
        _vectors = [.. counts.Select(count => new Vector[count])];
        _enabled = new bool[counts.Count];
    }

    private enum Action
    {
        Mask,
        Unmask,
    }

    /// <summary>Raises an edge-triggered interrupt: any but <see cref="IrqIndex.Intx"/>.</summary>
    /// <param name="index">The type.</param>
    /// <param name="vector">Below the device's count for the type.</param>
    /// <returns>False if the client has not enabled this type; the interrupt is lost then, as on a bus.</returns>
    public bool Trigger(IrqIndex index, int vector)
    {
        lock (_lock)
        {
            if (!_enabled[(int)index])
            {
                return false;
            }

            ref Vector entry = ref _vectors[(int)index][vector];
            entry.Pending = true;
            DeliverPending(ref entry);
            if (_lessee is not null && !entry.IsLeased && !_isChanging && IsSignalOnly(entry))
            {
                entry.IsLeased = _lessee.TryLease(index, vector, entry.Signal!);
            }

            return true;
        }
    }

    /// <summary>
    /// Leases vectors to <paramref name="lessee"/> as they are used; with null, leases no more. Leases of a former
    /// lessee are not ended.
    /// </summary>
    public void LeaseTo(ISignalLessee? lessee)
    {
        lock (_lock)
        {
            _lessee = lessee;
        }
    }

    /// <summary>
    /// Sets the level of the INTx pin. After each signal the pin counts as masked until the client unmasks it; if it
    /// is still asserted then, it signals again.
    /// </summary>
    public void SetIntx(bool asserted)
    {
        lock (_lock)
        {
            _intxAsserted = asserted;
            DeliverIntx();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        DisableAll();
        _watcher?.Dispose();
        _watcher = null;
    }

    /// <summary>The device's number of vectors of a type.</summary>
    internal int Count(IrqIndex index) => _vectors[(int)index].Length;

    /// <summary>Clears what is pending, after a device reset. The set-up stays, since QEMU does not repeat
    /// it.</summary>
    internal void Reset()
    {
        lock (_lock)
        {
            _intxAsserted = false;
            foreach (Vector[] vectors in _vectors)
            {
                foreach (ref Vector entry in vectors.AsSpan())
                {
                    entry.Pending = false;
                }
            }
        }
    }

    /// <summary>Clears the set-up of all types.</summary>
    internal void DisableAll()
    {
        for (int index = 0; index < _vectors.Length; index++)
        {
            Disable((IrqIndex)index);
        }
    }

    /// <summary>Ends the leases of vectors before a change of their set-up; <see cref="EndChange"/> has to
    /// follow.</summary>
    internal void BeginChange(IrqIndex index, int start, int count)
    {
        bool isAnyLeased = false;
        ISignalLessee? lessee;
        lock (_lock)
        {
            _isChanging = true;
            lessee = _lessee;
            foreach (ref Vector entry in _vectors[(int)index].AsSpan(start, count))
            {
                isAnyLeased |= entry.IsLeased;
                entry.IsLeased = false;
            }
        }

        if (isAnyLeased)
        {
            // Without the lock: the lessee may be delivering an interrupt.
            lessee?.Return(index, start, count);
        }
    }

    /// <summary>Ends a change; vectors can be leased again.</summary>
    internal void EndChange()
    {
        lock (_lock)
        {
            _isChanging = false;
        }
    }

    /// <summary>Clears the set-up of a type.</summary>
    internal void Disable(IrqIndex index)
    {
        BeginChange(index, 0, Count(index));
        lock (_lock)
        {
            foreach (ref Vector entry in _vectors[(int)index].AsSpan())
            {
                SetWatch(ref entry.MaskSignal, null, index, 0, Action.Mask);
                SetWatch(ref entry.UnmaskSignal, null, index, 0, Action.Unmask);
                entry.Signal?.Dispose();
                entry = default;
            }

            _enabled[(int)index] = false;
            _isChanging = false;
        }
    }

    /// <summary>Sets or, with null, removes the eventfd that a vector signals; takes ownership.</summary>
    internal void SetSignal(IrqIndex index, int vector, EventFd? signal)
    {
        lock (_lock)
        {
            ref Vector entry = ref _vectors[(int)index][vector];
            entry.Signal?.Dispose();
            entry.Signal = signal;
            if (signal is null)
            {
                return;
            }

            _enabled[(int)index] = true;
            if (index == IrqIndex.Intx)
            {
                entry.Masked = false;
                DeliverIntx();
            }
            else
            {
                DeliverPending(ref entry);
            }
        }
    }

    /// <summary>Signals a vector's eventfd, masked or not, because the client triggers it.</summary>
    internal void Loopback(IrqIndex index, int vector)
    {
        lock (_lock)
        {
            _vectors[(int)index][vector].Signal?.Signal();
        }
    }

    /// <summary>Masks or unmasks a vector.</summary>
    internal void SetMask(IrqIndex index, int vector, bool masked)
    {
        lock (_lock)
        {
            ref Vector entry = ref _vectors[(int)index][vector];
            entry.Masked = masked;
            if (index == IrqIndex.Intx)
            {
                DeliverIntx();
            }
            else
            {
                DeliverPending(ref entry);
            }
        }
    }

    /// <summary>
    /// Sets or, with null, removes an eventfd that masks or unmasks a vector without a message, which KVM signals at
    /// the end of an INTx interrupt; takes ownership.
    /// </summary>
    internal void SetMaskSignal(IrqIndex index, int vector, bool masked, EventFd? signal)
    {
        lock (_lock)
        {
            ref Vector entry = ref _vectors[(int)index][vector];
            if (masked)
            {
                SetWatch(ref entry.MaskSignal, signal, index, vector, Action.Mask);
            }
            else
            {
                SetWatch(ref entry.UnmaskSignal, signal, index, vector, Action.Unmask);
            }
        }
    }

    private void SetWatch(ref EventFd? place, EventFd? signal, IrqIndex index, int vector, Action action)
    {
        if (place is not null)
        {
            _watcher!.Remove(place);
            place.Dispose();
            place = null;
        }

        if (signal is not null)
        {
            _watcher ??= new EventFdWatcher("vfio-user unmask");
            _watcher.Add(signal, () => SetMask(index, vector, action == Action.Mask));
            place = signal;
        }
    }

    private static bool IsSignalOnly(in Vector entry) =>
        entry is { Signal: not null, MaskSignal: null, UnmaskSignal: null, Masked: false };

    private static void DeliverPending(ref Vector entry)
    {
        if (entry.Pending && !entry.Masked && entry.Signal is not null)
        {
            entry.Pending = false;
            entry.Signal.Signal();
        }
    }

    private void DeliverIntx()
    {
        if (Count(IrqIndex.Intx) == 0)
        {
            return;
        }

        ref Vector entry = ref _vectors[(int)IrqIndex.Intx][0];
        if (_intxAsserted && !entry.Masked && entry.Signal is not null)
        {
            entry.Masked = true;
            entry.Signal.Signal();
        }
    }

    private struct Vector
    {
        public EventFd? Signal;
        public EventFd? MaskSignal;
        public EventFd? UnmaskSignal;
        public bool Masked;
        public bool Pending;
        public bool IsLeased;
    }
}
