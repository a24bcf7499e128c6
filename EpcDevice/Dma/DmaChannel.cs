using System.Buffers.Binary;
using System.Numerics;
using EpfTest.EpcDevice.Guest;
using EpfTest.EpcDevice.Registers;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie;
using Microsoft.Extensions.Logging;

namespace EpfTest.EpcDevice.Dma;

/// <summary>One DMA channel: its registers, and the thread that works on its ring.</summary>
/// <remarks>
/// <para>Registers are written by the thread that serves the EP guest and guarded by a monitor, which the channel's thread
/// holds only to look at them and to publish a completion, never while it moves bytes.</para>
/// <para>What the host is asked for by TLPs is read ahead: while a piece is awaited, requests for the next one, perhaps of
/// the next descriptor, are under way. Descriptors are completed in their order all the same.</para>
/// <para>Stopping waits for the pieces under way, which take no longer than the link's time limit. If one is memory
/// of the EP guest that is reached by messages it does not wait: the answer would be received by the very thread that
/// stops. Either way the number of the run is another afterwards, and what belongs to an earlier run is dropped: no
/// status, no HEAD, no interrupt.</para>
/// </remarks>
internal sealed class DmaChannel(int index, DmaPort port, EpInterrupts interrupts, ILogger logger)
    : IRegisterBlock, IDisposable
{
    private const int PieceSize = 1 << 20;

    // Each asks for no more than half of what there are tags for.
    private const int ReadsAhead = 2;

    // Of fewer bytes the way through a buffer costs nothing, single accesses stay single, and MSIs are seen.
    private const int SmallestLent = 64;
    private const int BatchSize = 64;
    private const uint MinRingSize = 2;
    private const uint MaxRingSize = 65536;

    // More than a completion time-out, less than QEMU's patience (5 s).
    private static readonly TimeSpan s_stopLimit = TimeSpan.FromSeconds(3);

    private readonly object _monitor = new();
    private Thread? _thread;
    private readonly DmaRead[] _reads = [.. Enumerable.Range(0, ReadsAhead).Select(_ => new DmaRead(port))];
    private int _firstRead;
    private int _readCount;
    private DmaStatus _readStatus = DmaStatus.Done;
    private byte[] _piece = [];
    private byte[] _batch = [];
    private int _windowHint;

    private bool _enabled;
    private int _function;
    private Register64 _ring;
    private uint _ringSize;
    private uint _tail;
    private uint _head;
    private bool _ringError;
    private EventBits _events = new();

    // Under way: between taking work and the end of its last piece.
    private bool _running;
    private bool _waitsForGuest;
    private bool _disposed;
    private volatile int _run;

    /// <inheritdoc/>
    public uint Read(int offset)
    {
        lock (_monitor)
        {
            return offset switch
            {
                EpcRegister.DmaControl => Field.Put(EpcRegister.DmaControlEnable, _enabled)
                    | Field.Put(EpcRegister.DmaControlFunction, _function),
                EpcRegister.DmaStatus => Field.Put(EpcRegister.DmaStatusRunning, _running)
                    | Field.Put(EpcRegister.DmaStatusRingError, _ringError),
                EpcRegister.DmaRingLo => _ring.Low,
                EpcRegister.DmaRingHi => _ring.High,
                EpcRegister.DmaRingSize => _ringSize,
                EpcRegister.DmaTail => _tail,
                EpcRegister.DmaHead => _head,
                EpcRegister.DmaIrqStatus => _events.Status,
                EpcRegister.DmaIrqMask => _events.Mask,
                _ => 0,
            };
        }
    }

    /// <inheritdoc/>
    public void Write(int offset, uint value)
    {
        lock (_monitor)
        {
            switch (offset)
            {
                case EpcRegister.DmaControl:
                    Control(value);
                    break;
                case EpcRegister.DmaRingLo when !_enabled:
                    _ring.SetLow(value);
                    break;
                case EpcRegister.DmaRingHi when !_enabled:
                    _ring.SetHigh(value);
                    break;
                case EpcRegister.DmaRingSize when !_enabled:
                    _ringSize = value;
                    break;
                case EpcRegister.DmaTail:
                    _tail = value;
                    Kick();
                    break;
                case EpcRegister.DmaIrqStatus:
                    _events.Clear(value);
                    FireIfPending();
                    break;
                case EpcRegister.DmaIrqMask:
                    _events.Mask = value;
                    FireIfPending();
                    break;
            }
        }
    }

    /// <summary>Stops the channel and puts every register to its reset value.</summary>
    public void Reset()
    {
        lock (_monitor)
        {
            Stop();
            _function = 0;
            _ring = default;
            _ringSize = 0;
            _tail = _head = 0;
            _ringError = false;
            _events = new EventBits();
        }
    }

    /// <summary>Ends the channel's thread.</summary>
    public void Dispose()
    {
        lock (_monitor)
        {
            Stop();
            _disposed = true;
            Monitor.PulseAll(_monitor);
        }

        _thread?.Join(s_stopLimit);
    }

    private int Vector => EpInterrupts.FirstDmaVector + index;

    private void Control(uint value)
    {
        bool reset = (value & EpcRegister.DmaControlReset) != 0;
        bool enable = (value & EpcRegister.DmaControlEnable) != 0;
        int function = Field.Get(EpcRegister.DmaControlFunction, value);
        if (_enabled && (reset || !enable || function != _function))
        {
            Stop();
        }

        if (reset)
        {
            _tail = _head = 0;
            _ringError = false;
        }

        _function = function;
        if (enable && !_enabled)
        {
            _ringError = false;
            _enabled = true;
            if (_ring.Value % EpcRegister.DescSize != 0
                || _ringSize is < MinRingSize or > MaxRingSize
                || !BitOperations.IsPow2(_ringSize)
                || _head >= _ringSize
                || _function >= EpcLimits.Functions)
            {
                FailRing("its registers make no sense");
                return;
            }

            Start();
            Kick();
        }
    }

    private void Kick()
    {
        if (_enabled && _tail >= _ringSize)
        {
            FailRing("TAIL is outside");
        }
        else
        {
            Monitor.PulseAll(_monitor);
        }
    }

    private void Start()
    {
        if (_thread is null)
        {
            _piece = GC.AllocateUninitializedArray<byte>(PieceSize, pinned: true);
            _batch = GC.AllocateUninitializedArray<byte>(BatchSize * EpcRegister.DescSize, pinned: true);
            _thread = new Thread(Work) { IsBackground = true, Name = $"dma {index}" };
            _thread.Start();
        }
    }

    /// <summary>Ends the run; waits for the piece under way as the remarks say. The monitor is held.</summary>
    private void Stop()
    {
        _enabled = false;
        _run++;
        long limit = Environment.TickCount64 + (long)s_stopLimit.TotalMilliseconds;
        port.GuestWaits = _running && !_waitsForGuest;
        while (_running && !_waitsForGuest)
        {
            long left = limit - Environment.TickCount64;
            if (left <= 0 || !Monitor.Wait(_monitor, (int)left))
            {
                logger.LogError("DMA channel {Channel} did not stop in time", index);
                break;
            }
        }

        port.GuestWaits = false;
    }

    private void FailRing(string reason)
    {
        logger.LogWarning("DMA channel {Channel}: ring at 0x{Ring:x}: {Reason}", index, _ring.Value, reason);
        _enabled = false;
        _run++;
        _ringError = true;
        Raise(EpcRegister.DmaIrqRingError);
    }

    private void Raise(uint bits)
    {
        if (_events.Raise(bits))
        {
            interrupts.Fire(Vector);
        }
    }

    private void FireIfPending()
    {
        if (_events.Pending)
        {
            interrupts.Fire(Vector);
        }
    }

    private void Work()
    {
        while (true)
        {
            int run;
            ulong address;
            uint count;
            int function;
            lock (_monitor)
            {
                _running = false;
                Monitor.PulseAll(_monitor);
                while (!_disposed && (!_enabled || _head == _tail))
                {
                    Monitor.Wait(_monitor);
                }

                if (_disposed)
                {
                    return;
                }

                _running = true;
                run = _run;
                address = _ring.Value + ((ulong)_head * EpcRegister.DescSize);
                function = _function;
                uint end = _tail > _head ? _tail : _ringSize;
                count = Math.Min(end - _head, BatchSize);
            }

            WorkOn(run, address, (int)count, function);
        }
    }

    /// <summary>Works on adjacent descriptors of the ring.</summary>
    private void WorkOn(int run, ulong address, int count, int function)
    {
        Span<byte> descriptors = _batch.AsSpan(0, count * EpcRegister.DescSize);
        if (ReadGuest(run, address, descriptors) != RequestStatus.Success)
        {
            Fail(run, "it cannot be read");
            return;
        }

        bool goesOn = true;
        _readStatus = DmaStatus.Done;
        for (int i = 0; goesOn && i < count; i++)
        {
            var descriptor = DmaDescriptor.Parse(descriptors[(i * EpcRegister.DescSize)..]);
            goesOn = MayReadAhead(descriptor)
                ? ReadAhead(run, descriptor, address, function)
                : FinishReads(run, function)
                    && Publish(
                        run,
                        descriptor,
                        address,
                        descriptor.IsValid ? Copy(run, descriptor, function) : DmaStatus.BadDescriptor);
            address += EpcRegister.DescSize;
        }

        FinishReads(run, function);
    }

    /// <summary>Says how a descriptor has ended.</summary>
    /// <returns>False if the run has ended.</returns>
    private bool Publish(int run, in DmaDescriptor descriptor, ulong address, DmaStatus status)
    {
        if (status == DmaStatus.Pending)
        {
            return false;
        }

        Span<byte> word = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(word, (uint)status);
        if (WriteGuest(run, address + EpcRegister.DescStatus, word) != RequestStatus.Success)
        {
            Fail(run, "it cannot be written");
            return false;
        }

        return Complete(run, descriptor.Interrupts);
    }

    private bool Complete(int run, bool interrupts)
    {
        lock (_monitor)
        {
            if (run != _run)
            {
                return false;
            }

            _head = (_head + 1) & (_ringSize - 1);
            if (interrupts)
            {
                Raise(EpcRegister.DmaIrqDescriptor);
            }

            return true;
        }
    }

    private void Fail(int run, string reason)
    {
        lock (_monitor)
        {
            if (run == _run)
            {
                FailRing(reason);
            }
        }
    }

    /// <summary>Moves the bytes of a descriptor; <see cref="DmaStatus.Pending"/> if the run ended meanwhile.</summary>
    private DmaStatus Copy(int run, DmaDescriptor descriptor, int function)
    {
        ulong source = descriptor.Source;
        ulong destination = descriptor.Destination;
        for (uint left = descriptor.Length; left > 0;)
        {
            int length = (int)Math.Min(left, PieceSize);
            if (length <= SmallestLent
                || run != _run
                || !TryCopyInPlace(descriptor, function, source, destination, ref length))
            {
                DmaStatus status = CopyThroughBuffer(run, descriptor, function, source, destination, length);
                if (status != DmaStatus.Done)
                {
                    return status;
                }
            }

            left -= (uint)length;
            source += (ulong)length;
            destination += (ulong)length;
        }

        return DmaStatus.Done;
    }

    private DmaStatus CopyThroughBuffer(
        int run, in DmaDescriptor descriptor, int function, ulong source, ulong destination, int length)
    {
        Span<byte> piece = _piece.AsSpan(0, length);
        RequestStatus error = run != _run ? RequestStatus.Cancelled
            : descriptor.SourceIsHost ? port.ReadHost(function, source, piece)
            : ReadGuest(run, source, piece);
        if (error != RequestStatus.Success)
        {
            return Status(error, DmaStatus.SourceError);
        }

        error = run != _run ? RequestStatus.Cancelled
            : descriptor.DestinationIsHost ? port.WriteHost(function, destination, piece)
            : WriteGuest(run, destination, piece);
        return error == RequestStatus.Success ? DmaStatus.Done : Status(error, DmaStatus.DestinationError);
    }

    /// <summary>Whether the host has what is to be read, and is asked for it by requests of which several can be under way.</summary>
    private bool MayReadAhead(in DmaDescriptor descriptor) =>
        descriptor is { IsValid: true, SourceIsHost: true, DestinationIsHost: false, Length: > SmallestLent }
            && port.ReadsAhead;

    /// <summary>Begins to read what a descriptor asks for, perhaps while something of the one before is still under way.</summary>
    /// <returns>False if the run has ended.</returns>
    private bool ReadAhead(int run, in DmaDescriptor descriptor, ulong address, int function)
    {
        // Of two that write the same, the later one's data has to stay.
        foreach (DmaRead read in _reads)
        {
            if (_readCount > 0 && read.Overlaps(descriptor.Destination, descriptor.Length))
            {
                FinishReads(run, function);
            }
        }

        ulong source = descriptor.Source;
        ulong destination = descriptor.Destination;
        for (uint left = descriptor.Length; left > 0;)
        {
            if (!FinishReads(run, function, ReadsAhead - 1))
            {
                return false;
            }

            if (_readStatus != DmaStatus.Done)
            {
                // A piece of this descriptor has failed: the one that is under way is its last.
                _reads[_firstRead].IsLast = true;
                return true;
            }

            DmaRead read = _reads[(_firstRead + _readCount) % ReadsAhead];
            int length = (int)Math.Min(left, PieceSize);
            read.Pending = Begin(read.Landing, function, source, destination, ref length);
            read.Source = source;
            read.Destination = destination;
            read.Length = length;
            read.Descriptor = descriptor;
            read.DescriptorAddress = address;
            left -= (uint)length;
            source += (ulong)length;
            destination += (ulong)length;
            read.IsLast = left == 0;
            _readCount++;
        }

        return true;
    }

    private PendingRead Begin(GuestLanding landing, int function, ulong source, ulong destination, ref int length)
    {
        int together;
        using (MemoryLease place = port.LeaseGuest(destination, length))
        {
            together = place.Bytes.Length;
        }

        if (together == 0)
        {
            return default;
        }

        length = together;
        landing.Begin(destination);
        return port.BeginReadHost(function, source, ref length, landing);
    }

    /// <summary>Awaits all reads but the last few, and all if the run has ended.</summary>
    /// <returns>False if the run has ended.</returns>
    private bool FinishReads(int run, int function, int left = 0)
    {
        bool goesOn = true;
        while (_readCount > (goesOn ? left : 0))
        {
            DmaRead read = _reads[_firstRead];
            _firstRead = (_firstRead + 1) % ReadsAhead;
            _readCount--;
            goesOn &= FinishRead(run, function, read);
        }

        return goesOn;
    }

    private bool FinishRead(int run, int function, DmaRead read)
    {
        bool hasMissed = read.Pending.IsNone;
        if (!hasMissed)
        {
            RequestStatus error = port.EndReadHost(function, read.Pending);
            error = run != _run ? RequestStatus.Cancelled : error;
            hasMissed = error == RequestStatus.Success && read.Landing.HasMissed;
            Note(error == RequestStatus.Success ? DmaStatus.Done : Status(error, DmaStatus.SourceError));
        }

        if (hasMissed && _readStatus == DmaStatus.Done)
        {
            Note(CopyThroughBuffer(run, read.Descriptor, function, read.Source, read.Destination, read.Length));
        }

        DmaStatus status = _readStatus;
        if (!read.IsLast)
        {
            return status != DmaStatus.Pending;
        }

        _readStatus = DmaStatus.Done;
        return Publish(run, read.Descriptor, read.DescriptorAddress, status);
    }

    /// <summary>The first piece that fails says how its descriptor ends.</summary>
    private void Note(DmaStatus status) => _readStatus = _readStatus == DmaStatus.Done ? status : _readStatus;

    /// <summary>Copies without a stop in between, where both ends are mapped here.</summary>
    /// <param name="descriptor">Where the ends are.</param>
    /// <param name="function">Whose requests those to the host are.</param>
    /// <param name="source">The first address.</param>
    /// <param name="destination">The first address.</param>
    /// <param name="length">The most bytes; how many were copied.</param>
    private bool TryCopyInPlace(
        in DmaDescriptor descriptor, int function, ulong source, ulong destination, ref int length)
    {
        using MemoryLease from = port.Lease(
            descriptor.SourceIsHost ? function : null, source, length, DmaAccess.Read, ref _windowHint);
        if (from.Bytes.IsEmpty)
        {
            return false;
        }

        using MemoryLease to = port.Lease(
            descriptor.DestinationIsHost ? function : null,
            destination,
            from.Bytes.Length,
            DmaAccess.Write,
            ref _windowHint);
        if (to.Bytes.IsEmpty)
        {
            return false;
        }

        length = to.Bytes.Length;
        from.Bytes[..length].CopyTo(to.Bytes);
        return true;
    }

    private static DmaStatus Status(RequestStatus error, DmaStatus other) => error switch
    {
        RequestStatus.Cancelled => DmaStatus.Pending,
        RequestStatus.LinkDown => DmaStatus.LinkDown,
        RequestStatus.NotBusMaster => DmaStatus.NotBusMaster,
        _ => other,
    };

    private RequestStatus ReadGuest(int run, ulong address, Span<byte> destination)
    {
        if (!BeginGuest(run, address, destination.Length, out bool waits))
        {
            return RequestStatus.Cancelled;
        }

        RequestStatus error = port.ReadGuest(address, destination, ref _windowHint);
        EndGuest(waits);
        return error;
    }

    private RequestStatus WriteGuest(int run, ulong address, ReadOnlySpan<byte> source)
    {
        if (!BeginGuest(run, address, source.Length, out bool waits))
        {
            return RequestStatus.Cancelled;
        }

        RequestStatus error = port.WriteGuest(address, source, ref _windowHint);
        EndGuest(waits);
        return error;
    }

    /// <summary>Lets nobody wait for what follows if it needs the guest's QEMU.</summary>
    /// <returns>False if the run has ended.</returns>
    private bool BeginGuest(int run, ulong address, int length, out bool waits)
    {
        waits = port.WaitsForGuest(address, length);
        if (waits)
        {
            lock (_monitor)
            {
                if (run != _run)
                {
                    return false;
                }

                _waitsForGuest = true;
                Monitor.PulseAll(_monitor);
            }
        }

        return run == _run;
    }

    private void EndGuest(bool waits)
    {
        if (waits)
        {
            lock (_monitor)
            {
                _waitsForGuest = false;
            }
        }
    }
}
