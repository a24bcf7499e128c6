using System.Numerics;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.Tlp;
using Microsoft.Extensions.Logging;

namespace EpfTest.Protocol.Link;

/// <summary>The non-posted requests that were sent, by tag, until they are completed.</summary>
/// <remarks>
/// A request that has timed out keeps its tag until its completion arrives or the link ends. Any thread may call;
/// only the receiving thread calls <see cref="Complete"/>. The lock is held for the copy of each completion's data.
/// </remarks>
internal sealed unsafe class OutstandingRequests(ILogger logger)
{
    private readonly TagPool _tags = new();
    private readonly Entry[] _entries = new Entry[TagPool.Capacity];
    private readonly Stack<Transfer> _idle = new();
    private readonly Lock _lock = new();
    private long _timeouts;
    private long _unsupported;
    private long _aborted;
    private uint _unexpected;
    private bool _ended;

    /// <summary>How many requests can be outstanding.</summary>
    /// <param name="extended">As for <see cref="TryTakeTag"/>.</param>
    public static int Capacity(bool extended) => extended ? TagPool.Capacity : TagPool.ShortCapacity;

    /// <summary>How many requests have timed out.</summary>
    public long Timeouts => Interlocked.Read(ref _timeouts);

    /// <summary>How many requests were completed with UR.</summary>
    public long Unsupported => Interlocked.Read(ref _unsupported);

    /// <summary>How many requests were completed with CA or with poisoned data.</summary>
    public long Aborted => Interlocked.Read(ref _aborted);

    /// <summary>Set when a transfer is done; the receiving thread clears it.</summary>
    public bool HasFinished { get; set; }

    /// <summary>Begins a transfer. It ends with <see cref="End"/>.</summary>
    /// <returns>Null if the link has ended.</returns>
    public Transfer? Begin(TimeSpan limit, IReadTarget? target)
    {
        lock (_lock)
        {
            if (_ended)
            {
                return null;
            }

            if (!_idle.TryPop(out Transfer? transfer))
            {
                transfer = new Transfer();
            }

            transfer.Begin(limit, target);
            return transfer;
        }
    }

    /// <summary>Takes a free tag, if there is one.</summary>
    /// <param name="extended">Whether the requester's Extended Tag Field Enable is set: 8-bit tags, not 5-bit.</param>
    public bool TryTakeTag(bool extended, out int tag) => _tags.TryAllocate(out tag, extended);

    /// <summary>
    /// Takes a free tag. If there is none, waits until half of the transfer's own requests are done, so that the next
    /// ones go out together, too.
    /// </summary>
    /// <param name="extended">As for <see cref="TryTakeTag"/>.</param>
    /// <returns>False on timeout.</returns>
    public bool AwaitTag(Transfer transfer, bool extended, out int tag)
    {
        while (!_tags.TryAllocate(out tag, extended))
        {
            if (transfer.TimeLeft == 0)
            {
                return false;
            }

            transfer.WaitForHalf();
        }

        return true;
    }

    /// <summary>Adds a request that is about to be sent.</summary>
    /// <param name="destination">
    /// Room for <paramref name="length"/> bytes until the transfer ends; unused if the transfer has a target.
    /// </param>
    /// <param name="offset">Offset of the request's data in that of the transfer, in bytes.</param>
    public void Add(Transfer transfer, in TlpHeader request, byte* destination, int offset, int length)
    {
        lock (_lock)
        {
            transfer.Add();
            _entries[request.Tag] = new Entry
            {
                Transfer = transfer,
                Destination = destination,
                Offset = offset,
                Length = length,
                Assembler = new CompletionAssembler(request),
            };
            if (_ended)
            {
                _entries[request.Tag].Transfer = null;
                transfer.Finish(RequestStatus.LinkDown);
            }
        }
    }

    /// <summary>Takes a completion that was received.</summary>
    /// <returns>Why the link cannot go on, or null.</returns>
    public string? Complete(in TlpHeader completion, ReadOnlySpan<byte> payload)
    {
        lock (_lock)
        {
            if (!_tags.IsInUse(completion.Tag))
            {
                // Not each one: a peer may send millions.
                if (BitOperations.IsPow2(++_unexpected))
                {
                    logger.LogWarning(
                        "unexpected completion for tag {Tag}: no such request is outstanding ({Count} so far)",
                        completion.Tag,
                        _unexpected);
                }

                return null;
            }

            ref Entry entry = ref _entries[completion.Tag];
            Transfer? transfer = entry.Transfer;
            CompletionResult result =
                entry.Assembler.Accept(completion, payload, out int offset, out ReadOnlySpan<byte> data);
            if (transfer is not null && !data.IsEmpty)
            {
                // The waiting thread takes the lock before it leaves.
                if (transfer.Target is { } target)
                {
                    target.Put(entry.Offset + offset, data);
                }
                else
                {
                    // In bounds: that thread gave Length bytes there.
                    data.CopyTo(new Span<byte>(entry.Destination, entry.Length)[offset..]);
                }
            }

            switch (result)
            {
                case CompletionResult.InProgress:
                    return null;
                case CompletionResult.Unexpected:
                case CompletionResult.AttributesMismatch:
                case CompletionResult.KindMismatch:
                case CompletionResult.ByteCountMismatch:
                case CompletionResult.LowerAddressMismatch:
                case CompletionResult.Overrun:
                    return $"a completion does not match its request ({result})";
                default:
                    entry.Transfer = null;
                    _tags.Release(completion.Tag);
                    HasFinished |= transfer?.Finish(Count(result)) ?? false;
                    return null;
            }
        }
    }

    /// <summary>
    /// Ends a transfer. Its requests that are still outstanding have timed out; their data is discarded after that.
    /// </summary>
    /// <returns>How the first request that failed has failed.</returns>
    public RequestStatus End(Transfer transfer)
    {
        lock (_lock)
        {
            if (!transfer.IsDone)
            {
                // A late completion finds no transfer, and only releases its tag.
                foreach (ref Entry entry in _entries.AsSpan())
                {
                    if (entry.Transfer == transfer)
                    {
                        entry.Transfer = null;
                        transfer.Finish(RequestStatus.CompletionTimeout);
                        Interlocked.Increment(ref _timeouts);
                    }
                }
            }

            RequestStatus status = transfer.Status;
            _idle.Push(transfer);
            return status;
        }
    }

    /// <summary>Fails every request: the link has ended.</summary>
    public void EndAll()
    {
        lock (_lock)
        {
            _ended = true;
            foreach (ref Entry entry in _entries.AsSpan())
            {
                entry.Transfer?.Finish(RequestStatus.LinkDown);
                entry.Transfer = null;
            }
        }
    }

    private RequestStatus Count(CompletionResult result)
    {
        switch (result)
        {
            case CompletionResult.Done:
                return RequestStatus.Success;
            case CompletionResult.UnsupportedRequest or CompletionResult.RetryStatus:
                Interlocked.Increment(ref _unsupported);
                return RequestStatus.UnsupportedRequest;
            case CompletionResult.Poisoned:
                Interlocked.Increment(ref _aborted);
                return RequestStatus.Poisoned;
            default:
                Interlocked.Increment(ref _aborted);
                return RequestStatus.CompleterAbort;
        }
    }

    private struct Entry
    {
        // Null once nobody waits.
        public Transfer? Transfer;

        public byte* Destination;
        public int Offset;
        public int Length;
        public CompletionAssembler Assembler;
    }
}
