using System.Buffers.Binary;
using EpfTest.EpcDevice.Guest;
using EpfTest.EpcDevice.Link;
using EpfTest.EpcDevice.Registers;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie;
using Microsoft.Extensions.Logging;

namespace EpfTest.EpcDevice.Dma;

/// <summary>
/// The ring of a channel, between the EP guest, which adds descriptors at TAIL, and the channel's thread, which
/// completes them at HEAD.
/// </summary>
/// <remarks>
/// <para>Members that the thread does not use are for the holder of <see cref="Guard"/>. The thread takes it only to
/// look for descriptors and to publish a completion, never while it moves bytes.</para>
/// <para>Stopping waits for the piece under way, which takes no longer than the link's time limit. If that piece is
/// private memory of the EP guest, it does not wait: the very thread that stops the channel would have to receive the
/// answer. In either case the run has ended afterwards, and what belongs to it is dropped.</para>
/// </remarks>
internal sealed class DescriptorRing(int channel, DmaPort port, IHostLink host, EpInterrupts interrupts, ILogger logger)
{
    // More than a completion time-out, less than QEMU's patience (5 s).
    public static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(3);

    private DmaRun? _run;
    private bool _waitsForGuest;
    private bool _isDisposed;

    public object Guard { get; } = new();

    public DmaEvents Events { get; } = new(interrupts, EpInterrupts.FirstDmaVector + channel);

    public bool IsEnabled => _run is not null;

    /// <summary>Whether the thread is between taking descriptors and the end of its last piece.</summary>
    public bool IsRunning { get; private set; }

    public bool HasError { get; private set; }

    public uint Head { get; private set; }

    public uint Tail { get; private set; }

    /// <summary>Begins a run.</summary>
    /// <returns>False where the registers are invalid; that is a ring error.</returns>
    public bool Enable(DmaRun run)
    {
        HasError = false;
        if (!run.IsValid || Head >= run.Size)
        {
            Fail(run, "its registers are invalid");
            return false;
        }

        _run = run;
        SetTail(Tail);
        return true;
    }

    /// <summary>The EP guest has added descriptors.</summary>
    public void SetTail(uint tail)
    {
        Tail = tail;
        if (_run is { } run && tail >= run.Size)
        {
            Fail(run, "TAIL is outside");
        }
        else
        {
            Monitor.PulseAll(Guard);
        }
    }

    /// <summary>Ends the run, and waits as the remarks say.</summary>
    public void Stop()
    {
        _run?.End();
        _run = null;
        long limit = Environment.TickCount64 + (long)StopLimit.TotalMilliseconds;
        host.GuestWaits = IsRunning && !_waitsForGuest;
        while (IsRunning && !_waitsForGuest)
        {
            long left = limit - Environment.TickCount64;
            if (left <= 0 || !Monitor.Wait(Guard, (int)left))
            {
                logger.LogError("DMA channel {Channel}: timeout while stopping", channel);
                break;
            }
        }

        host.GuestWaits = false;
    }

    /// <summary>Empties the ring. The channel is stopped.</summary>
    public void Clear()
    {
        Head = Tail = 0;
        HasError = false;
    }

    /// <summary>Stops, and lets the thread end.</summary>
    public void Dispose()
    {
        Stop();
        _isDisposed = true;
        Monitor.PulseAll(Guard);
    }

    /// <summary>The thread waits for descriptors.</summary>
    /// <param name="most">The most descriptors.</param>
    /// <param name="run">What they belong to.</param>
    /// <param name="address">EP-local address of the first; the others follow.</param>
    /// <param name="count">Descriptors.</param>
    /// <returns>False when the thread is to end.</returns>
    public bool Take(uint most, out DmaRun run, out ulong address, out int count)
    {
        lock (Guard)
        {
            IsRunning = false;
            Monitor.PulseAll(Guard);
            while (!_isDisposed && (_run is null || Head == Tail))
            {
                Monitor.Wait(Guard);
            }

            run = _run!;
            (address, count) = (0, 0);
            if (!_isDisposed)
            {
                IsRunning = true;
                address = run.Ring + ((ulong)Head * EpcRegister.DescSize);
                count = (int)Math.Min((Tail > Head ? Tail : run.Size) - Head, most);
            }

            return !_isDisposed;
        }
    }

    /// <summary>The thread reads or writes EP-local addresses.</summary>
    /// <returns><see cref="RequestStatus.Cancelled"/> if the run has ended.</returns>
    public RequestStatus Access(DmaRun run, ulong address, Span<byte> bytes, DmaAccess access)
    {
        bool isPrivate = port.IsPrivate(address, bytes.Length);
        if (isPrivate ? !BeginGuestWait(run) : run.HasEnded)
        {
            return RequestStatus.Cancelled;
        }

        RequestStatus status = port.Access(address, bytes, access);
        if (isPrivate)
        {
            lock (Guard)
            {
                _waitsForGuest = false;
            }
        }

        return status;
    }

    /// <summary>The thread completes the next descriptor: writes its status back, advances HEAD, interrupts.</summary>
    /// <returns>False if the run has ended, as it has with <see cref="DmaStatus.Pending"/>.</returns>
    public bool Complete(DmaRun run, in DmaDescriptor descriptor, DmaStatus status)
    {
        if (status == DmaStatus.Pending)
        {
            return false;
        }

        Span<byte> word = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(word, (uint)status);
        ulong address = descriptor.Address + EpcRegister.DescStatus;
        if (Access(run, address, word, DmaAccess.Write) != RequestStatus.Success)
        {
            FailByThread(run, "a descriptor's status cannot be written");
            return false;
        }

        lock (Guard)
        {
            if (run.HasEnded)
            {
                return false;
            }

            Head = (Head + 1) & (run.Size - 1);
            if (descriptor.Interrupts)
            {
                Events.Raise(EpcRegister.DmaIrqDescriptor);
            }

            return true;
        }
    }

    /// <summary>The thread cannot go on.</summary>
    public void FailByThread(DmaRun run, string reason)
    {
        lock (Guard)
        {
            if (!run.HasEnded)
            {
                Fail(run, reason);
            }
        }
    }

    private void Fail(DmaRun run, string reason)
    {
        logger.LogWarning("DMA channel {Channel}: ring at 0x{Ring:x}: {Reason}", channel, run.Ring, reason);
        run.End();
        _run = null;
        HasError = true;
        Events.Raise(EpcRegister.DmaIrqRingError);
    }

    /// <summary>Lets a stop not wait for what follows.</summary>
    /// <returns>False if the run has ended.</returns>
    private bool BeginGuestWait(DmaRun run)
    {
        lock (Guard)
        {
            if (run.HasEnded)
            {
                return false;
            }

            _waitsForGuest = true;
            Monitor.PulseAll(Guard);
            return true;
        }
    }
}
