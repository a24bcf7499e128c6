using EpfTest.EpcDevice.Guest;
using EpfTest.EpcDevice.Link;
using EpfTest.EpcDevice.Registers;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.EpcDevice.Functions;

/// <content>BARs, their inbound translations, and what the host's accesses to them do.</content>
internal sealed partial class FunctionBlock
{
    private readonly StagedBar[] _stagedBars = new StagedBar[PciRegister.BaseAddressCount];
    private readonly StagedInbound[] _stagedInbounds = new StagedInbound[EpcLimits.Inbounds];
    private readonly BarSpec?[] _bars = new BarSpec?[PciRegister.BaseAddressCount];
    private readonly InboundMap?[] _maps = new InboundMap?[PciRegister.BaseAddressCount];
    private volatile BarDecoder _decoder = BarDecoder.None;

    /// <inheritdoc cref="IFunction.TryDecode"/>
    public bool TryDecode(ulong address, bool io, out int bar, out ulong offset) =>
        _decoder.TryDecode(address, io, out bar, out offset);

    /// <inheritdoc cref="IFunction.IsPrivate"/>
    public bool IsPrivate(int bar, ulong offset, int length)
    {
        InboundMap? map = Volatile.Read(ref _maps[bar]);
        while (map is not null && length > 0 && map.TryTranslate(offset, length, out ulong target, out int done))
        {
            if (_guest.IsPrivate(target, (ulong)done))
            {
                return true;
            }

            offset += (ulong)done;
            length -= done;
        }

        return false;
    }

    /// <inheritdoc cref="IFunction.ReadBar"/>
    public RequestStatus ReadBar(int bar, ulong offset, Span<byte> destination)
    {
        bool first = true;
        while (!destination.IsEmpty)
        {
            RequestStatus error = RequestStatus.Success;
            ulong target;
            int length;
            bool waits;
            int turn = _inboundGate.Enter();
            try
            {
                // All of the request is supported or nothing is.
                if (Volatile.Read(ref _maps[bar]) is not { } map
                    || (first && !map.Covers(offset, destination.Length))
                    || !map.TryTranslate(offset, destination.Length, out target, out length))
                {
                    return RequestStatus.UnsupportedRequest;
                }

                waits = _guest.IsPrivate(target, (ulong)length);
                if (!waits)
                {
                    error = _guest.Read(target, destination[..length]);
                }
            }
            finally
            {
                _inboundGate.Leave(turn);
            }

            if (waits)
            {
                error = _guest.Read(target, destination[..length]);
            }

            if (error != RequestStatus.Success)
            {
                return error;
            }

            first = false;
            destination = destination[length..];
            offset += (ulong)length;
        }

        return RequestStatus.Success;
    }

    /// <inheritdoc cref="IFunction.WriteBar"/>
    public RequestStatus WriteBar(int bar, ulong offset, ReadOnlySpan<byte> source)
    {
        bool first = true;
        while (!source.IsEmpty)
        {
            RequestStatus error = RequestStatus.Success;
            ulong target;
            int length;
            bool waits;
            int turn = _inboundGate.Enter();
            try
            {
                if (Volatile.Read(ref _maps[bar]) is not { } map
                    || (first && !map.Covers(offset, source.Length))
                    || !map.TryTranslate(offset, source.Length, out target, out length))
                {
                    return RequestStatus.UnsupportedRequest;
                }

                waits = _guest.IsPrivate(target, (ulong)length);
                if (!waits)
                {
                    error = _guest.Write(target, source[..length]);
                }
            }
            finally
            {
                _inboundGate.Leave(turn);
            }

            if (waits)
            {
                error = _guest.Write(target, source[..length]);
            }

            if (error != RequestStatus.Success)
            {
                return error;
            }

            first = false;
            source = source[length..];
            offset += (ulong)length;
        }

        return RequestStatus.Success;
    }

    /// <inheritdoc cref="IFunction.ResolveInbound"/>
    public IReadOnlyList<InboundMapping> ResolveInbound(int bar)
    {
        var mappings = new List<InboundMapping>();
        if (Volatile.Read(ref _maps[bar]) is { } map)
        {
            foreach (InboundTranslation entry in map.Entries)
            {
                _guest.Resolve(entry.Target, entry.Size, entry.Offset, mappings);
            }
        }

        return mappings;
    }

    /// <summary>Whether any access to a BAR waits for the guest's QEMU.</summary>
    private bool WaitsForGuest(int bar)
    {
        if (Volatile.Read(ref _maps[bar]) is { } map)
        {
            foreach (InboundTranslation entry in map.Entries)
            {
                if (_guest.IsPrivate(entry.Target, entry.Size))
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>Whether a BAR's translations lead into a range of bus addresses of the EP guest.</summary>
    public bool LeadsInto(int bar, ulong address, ulong size) =>
        Volatile.Read(ref _maps[bar])?.LeadsInto(address, size) ?? false;

    private uint ReadBarRegister(int offset)
    {
        int bar = offset / EpcRegister.FnBarStride;
        if (bar >= _bars.Length)
        {
            return 0;
        }

        ulong address = _bars[bar] is { } spec && _config?.Bars[bar] == spec ? _config.BarAddress(bar) : 0;
        ref StagedBar staged = ref _stagedBars[bar];
        return (offset % EpcRegister.FnBarStride) switch
        {
            EpcRegister.FnBarSizeLo => staged.Size.Low,
            EpcRegister.FnBarSizeHi => staged.Size.High,
            EpcRegister.FnBarFlags => staged.Flags,
            EpcRegister.FnBarControl when _bars[bar] is not null => EpcRegister.FnBarControlEnable
                | Field.Put(EpcRegister.FnBarControlInbounds, _maps[bar]!.Entries.Length),
            EpcRegister.FnBarAddressLo => (uint)address,
            EpcRegister.FnBarAddressHi => (uint)(address >> 32),
            _ => 0,
        };
    }

    private void WriteBarRegister(int offset, uint value)
    {
        int bar = offset / EpcRegister.FnBarStride;
        if (bar >= _bars.Length)
        {
            return;
        }

        ref StagedBar staged = ref _stagedBars[bar];
        switch (offset % EpcRegister.FnBarStride)
        {
            case EpcRegister.FnBarSizeLo:
                staged.Size.SetLow(value);
                break;
            case EpcRegister.FnBarSizeHi:
                staged.Size.SetHigh(value);
                break;
            case EpcRegister.FnBarFlags:
                staged.Flags = value;
                break;
            case EpcRegister.FnBarControl:
                _result = CommitBar(bar, value);
                break;
        }
    }

    private uint ReadInbound(int offset)
    {
        int index = offset / EpcRegister.FnInboundStride;
        if (index >= _stagedInbounds.Length)
        {
            return 0;
        }

        ref StagedInbound staged = ref _stagedInbounds[index];
        return (offset % EpcRegister.FnInboundStride) switch
        {
            EpcRegister.FnInboundOffsetLo => staged.Offset.Low,
            EpcRegister.FnInboundOffsetHi => staged.Offset.High,
            EpcRegister.FnInboundSizeLo => staged.Size.Low,
            EpcRegister.FnInboundSizeHi => staged.Size.High,
            EpcRegister.FnInboundTargetLo => staged.Target.Low,
            EpcRegister.FnInboundTargetHi => staged.Target.High,
            _ => 0,
        };
    }

    private void WriteInbound(int offset, uint value)
    {
        int index = offset / EpcRegister.FnInboundStride;
        if (index >= _stagedInbounds.Length)
        {
            return;
        }

        ref StagedInbound staged = ref _stagedInbounds[index];
        switch (offset % EpcRegister.FnInboundStride)
        {
            case EpcRegister.FnInboundOffsetLo:
                staged.Offset.SetLow(value);
                break;
            case EpcRegister.FnInboundOffsetHi:
                staged.Offset.SetHigh(value);
                break;
            case EpcRegister.FnInboundSizeLo:
                staged.Size.SetLow(value);
                break;
            case EpcRegister.FnInboundSizeHi:
                staged.Size.SetHigh(value);
                break;
            case EpcRegister.FnInboundTargetLo:
                staged.Target.SetLow(value);
                break;
            case EpcRegister.FnInboundTargetHi:
                staged.Target.SetHigh(value);
                break;
        }
    }

    private CommitResult CommitBar(int bar, uint control)
    {
        BarSpec? spec = null;
        InboundMap? map = null;
        if ((control & EpcRegister.FnBarControlEnable) != 0)
        {
            CommitResult staged = TakeStaged(bar, control, out BarSpec asked, out map);
            if (staged != CommitResult.Ok)
            {
                return staged;
            }

            spec = asked;
        }

        bool announce;
        lock (_lock)
        {
            CommitResult result = CheckBar(bar, spec);
            if (result != CommitResult.Ok)
            {
                return result;
            }

            if (_bars[bar] == spec && InboundMap.AreEqual(_maps[bar], map))
            {
                return CommitResult.Ok;
            }

            announce = _config is not null;
        }

        // Only this thread commits, so what was checked still holds.
        if (announce && !Port.InboundChanging(bar))
        {
            return CommitResult.Busy;
        }

        lock (_lock)
        {
            _bars[bar] = spec;
            Volatile.Write(ref _maps[bar], map);
            Publish();
        }

        _inboundGate.Drain();
        if (announce)
        {
            Port.InboundChanged(bar);
        }

        return CommitResult.Ok;
    }

    private CommitResult TakeStaged(int bar, uint control, out BarSpec spec, out InboundMap? map)
    {
        map = null;
        ref StagedBar staged = ref _stagedBars[bar];
        int count = Field.Get(EpcRegister.FnBarControlInbounds, control);
        if (!BarSpec.TryCreate(staged.Flags, staged.Size.Value, out spec)
            || bar + spec.RegisterCount > _bars.Length
            || count > EpcLimits.Inbounds)
        {
            return CommitResult.Invalid;
        }

        Span<InboundTranslation> entries = stackalloc InboundTranslation[EpcLimits.Inbounds];
        for (int i = 0; i < count; i++)
        {
            ref StagedInbound entry = ref _stagedInbounds[i];
            entries[i] = new InboundTranslation(entry.Offset.Value, entry.Size.Value, entry.Target.Value);
        }

        return InboundMap.Create(entries[..count], spec.Size, out map);
    }

    private CommitResult CheckBar(int bar, BarSpec? spec)
    {
        if (spec is not { } asked)
        {
            return CommitResult.Ok;
        }

        if ((bar > 0 && _bars[bar - 1] is { Kind: BarKind.Memory64 })
            || (asked.Kind == BarKind.Memory64 && _bars[bar + 1] is not null))
        {
            return CommitResult.Overlap;
        }

        return _link.AreFunctionsFixed && _config?.Bars[bar] != asked ? CommitResult.Busy : CommitResult.Ok;
    }

    private void ResetBars()
    {
        Array.Clear(_stagedBars);
        Array.Clear(_stagedInbounds);
        Array.Clear(_bars);
        for (int bar = 0; bar < _maps.Length; bar++)
        {
            Volatile.Write(ref _maps[bar], null);
        }
    }

    private struct StagedBar
    {
        public Register64 Size;
        public uint Flags;
    }

    private struct StagedInbound
    {
        public Register64 Offset;
        public Register64 Size;
        public Register64 Target;
    }
}
