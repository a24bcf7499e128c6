using EpfTest.EpcDevice.Guest;
using EpfTest.EpcDevice.Link;
using EpfTest.EpcDevice.Registers;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.EpcDevice.Functions;

/// <summary>A function's BARs and their inbound translations, and the host's accesses through them.</summary>
/// <remarks>Changed under the controller's lock, by the thread that serves the EP guest. Accesses take no lock: they
/// use the decoder and the maps that were published last, inside the gate. <see cref="Commit"/> returns when no access
/// goes through an earlier map, except to private memory: such an access leaves the gate before it waits for the EP
/// guest's QEMU, which may be waiting for the commit.</remarks>
internal sealed class BarSet(FunctionContext context, GuestBus guest, AccessGate gate)
{
    private readonly BarSpec?[] _specs = new BarSpec?[PciRegister.BaseAddressCount];
    private readonly InboundMap?[] _maps = new InboundMap?[PciRegister.BaseAddressCount];
    private volatile BarDecoder _decoder = BarDecoder.None;
    private int _generation;

    // One instantiation for each direction, without a delegate's allocation.
    private interface IAccess
    {
        /// <summary>Accesses a part, from <paramref name="start"/>, of the request's data.</summary>
        RequestStatus Invoke(ulong target, int start, int length);
    }

    /// <summary>The committed BARs, by number.</summary>
    public IReadOnlyList<BarSpec?> Specs => _specs;

    /// <inheritdoc cref="IFunction.BarGeneration"/>
    public int Generation => Volatile.Read(ref _generation);

    public int InboundCount(int bar) => _maps[bar]?.Entries.Length ?? 0;

    /// <inheritdoc cref="IFunction.TryDecode"/>
    public bool TryDecode(ulong address, bool io, out int bar, out ulong offset) =>
        _decoder.TryDecode(address, io, out bar, out offset);

    /// <inheritdoc cref="IFunction.IsPrivate"/>
    public bool IsPrivate(int bar, ulong offset, int length)
    {
        InboundMap? map = Volatile.Read(ref _maps[bar]);
        while (map is not null && length > 0 && map.TryTranslate(offset, length, out ulong target, out int done))
        {
            if (guest.IsPrivate(target, (ulong)done))
            {
                return true;
            }

            offset += (ulong)done;
            length -= done;
        }

        return false;
    }

    /// <summary>Whether any access to a BAR leads to private memory.</summary>
    public bool IsPrivate(int bar)
    {
        foreach (InboundTranslation entry in Entries(bar))
        {
            if (guest.IsPrivate(entry.Target, entry.Size))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether a BAR's translations lead into a range of EP-local addresses.</summary>
    public bool LeadsInto(int bar, ulong address, ulong size) =>
        Volatile.Read(ref _maps[bar])?.LeadsInto(address, size) ?? false;

    /// <inheritdoc cref="IFunction.ResolveInbound"/>
    public IReadOnlyList<InboundMapping> ResolveInbound(int bar)
    {
        var mappings = new List<InboundMapping>();
        foreach (InboundTranslation entry in Entries(bar))
        {
            guest.Resolve(entry.Target, entry.Size, entry.Offset, mappings);
        }

        return mappings;
    }

    /// <inheritdoc cref="IFunction.ReadBar"/>
    public RequestStatus Read(int bar, ulong offset, Span<byte> destination) =>
        Access(bar, offset, destination.Length, new GuestRead(guest, destination));

    /// <inheritdoc cref="IFunction.WriteBar"/>
    public RequestStatus Write(int bar, ulong offset, ReadOnlySpan<byte> source) =>
        Access(bar, offset, source.Length, new GuestWrite(guest, source));

    /// <summary>Sets or clears (null) a BAR with its translations. On return nothing uses the earlier ones.</summary>
    public CommitResult Commit(int bar, BarSpec? spec, InboundMap? map)
    {
        bool isVisible;
        lock (context.Lock)
        {
            CommitResult result = Check(bar, spec);
            if (result != CommitResult.Ok)
            {
                return result;
            }

            if (_specs[bar] == spec && InboundMap.AreEqual(_maps[bar], map))
            {
                return CommitResult.Ok;
            }

            isVisible = context.Config is not null;
        }

        // Only this thread commits, so what was checked still holds.
        if (isVisible && !context.Port.InboundChanging(bar))
        {
            return CommitResult.Busy;
        }

        lock (context.Lock)
        {
            _specs[bar] = spec;
            Volatile.Write(ref _maps[bar], map);
            Publish();
        }

        gate.Drain();
        if (isVisible)
        {
            context.Port.InboundChanged(bar);
        }

        return CommitResult.Ok;
    }

    /// <summary>Lets accesses see which addresses the host has programmed. Under the controller's lock.</summary>
    public void Publish()
    {
        Interlocked.Increment(ref _generation);
        _decoder = context.Config is { } config ? BarDecoder.Of(config, _specs) : BarDecoder.None;
    }

    /// <summary>Clears every BAR. Under the controller's lock; <see cref="Drain"/> follows without it.</summary>
    public void Reset()
    {
        Array.Clear(_specs);
        for (int bar = 0; bar < _maps.Length; bar++)
        {
            Volatile.Write(ref _maps[bar], null);
        }
    }

    public void Drain() => gate.Drain();

    private ReadOnlySpan<InboundTranslation> Entries(int bar) =>
        Volatile.Read(ref _maps[bar]) is { } map ? map.Entries : [];

    private CommitResult Check(int bar, BarSpec? spec)
    {
        if (spec is not { } asked)
        {
            return CommitResult.Ok;
        }

        if ((bar > 0 && _specs[bar - 1] is { Kind: BarKind.Memory64 })
            || (asked.Kind == BarKind.Memory64 && _specs[bar + 1] is not null))
        {
            return CommitResult.Overlap;
        }

        return context.Link.AreFunctionsFixed && context.Config?.Bars[bar] != asked
            ? CommitResult.Busy
            : CommitResult.Ok;
    }

    private RequestStatus Access<T>(int bar, ulong offset, int length, T access)
        where T : IAccess, allows ref struct
    {
        RequestStatus status = RequestStatus.Success;
        for (int done = 0, part; done < length && status == RequestStatus.Success; done += part)
        {
            ulong target;
            bool isPrivate;
            int turn = gate.Enter();
            try
            {
                // All of a request is supported, or nothing of it.
                if (Volatile.Read(ref _maps[bar]) is not { } map
                    || (done == 0 && !map.Covers(offset, length))
                    || !map.TryTranslate(offset + (ulong)done, length - done, out target, out part))
                {
                    return RequestStatus.UnsupportedRequest;
                }

                isPrivate = guest.IsPrivate(target, (ulong)part);
                if (!isPrivate)
                {
                    status = access.Invoke(target, done, part);
                }
            }
            finally
            {
                gate.Leave(turn);
            }

            if (isPrivate)
            {
                status = access.Invoke(target, done, part);
            }
        }

        return status;
    }

    private readonly ref struct GuestRead(GuestBus guest, Span<byte> destination) : IAccess
    {
        private readonly Span<byte> _destination = destination;

        public RequestStatus Invoke(ulong target, int start, int length) =>
            guest.Read(target, _destination.Slice(start, length));
    }

    private readonly ref struct GuestWrite(GuestBus guest, ReadOnlySpan<byte> source) : IAccess
    {
        private readonly ReadOnlySpan<byte> _source = source;

        public RequestStatus Invoke(ulong target, int start, int length) =>
            guest.Write(target, _source.Slice(start, length));
    }
}
