using EpfTest.EpcDevice.Registers;

namespace EpfTest.EpcDevice.Outbound;

/// <summary>
/// The registers of the outbound translations (<c>docs/registers.md</c>, "Outbound translations"). Belongs to the thread
/// that serves the EP guest.
/// </summary>
/// <param name="window">BAR2.</param>
/// <param name="mappedPath">The mapped window as the DMA engine goes through it.</param>
/// <param name="mapped">The mapped window as the EP guest's processors do.</param>
internal sealed class OutboundTable(OutboundWindow window, OutboundWindow mappedPath, MappedWindow mapped) : IRegisterBlock
{
    private readonly Entry[] _entries = new Entry[EpcLimits.Outbounds];

    /// <inheritdoc/>
    public uint Read(int offset)
    {
        int index = offset / EpcRegister.OutboundStride;
        if (index >= _entries.Length)
        {
            return 0;
        }

        ref Entry entry = ref _entries[index];
        return (offset % EpcRegister.OutboundStride) switch
        {
            EpcRegister.OutboundOffsetLo => entry.Offset.Low,
            EpcRegister.OutboundOffsetHi => entry.Offset.High,
            EpcRegister.OutboundSizeLo => entry.Size.Low,
            EpcRegister.OutboundSizeHi => entry.Size.High,
            EpcRegister.OutboundAddressLo => entry.Address.Low,
            EpcRegister.OutboundAddressHi => entry.Address.High,
            EpcRegister.OutboundControl when entry.Committed is { } committed =>
                EpcRegister.OutboundControlEnable
                    | Field.Put(EpcRegister.OutboundControlMapped, entry.Mapped)
                    | Field.Put(EpcRegister.OutboundControlFunction, committed.Function),
            EpcRegister.OutboundResult => (uint)Result(index),
            _ => 0,
        };
    }

    /// <inheritdoc/>
    public void Write(int offset, uint value)
    {
        int index = offset / EpcRegister.OutboundStride;
        if (index >= _entries.Length)
        {
            return;
        }

        ref Entry entry = ref _entries[index];
        switch (offset % EpcRegister.OutboundStride)
        {
            case EpcRegister.OutboundOffsetLo:
                entry.Offset.SetLow(value);
                break;
            case EpcRegister.OutboundOffsetHi:
                entry.Offset.SetHigh(value);
                break;
            case EpcRegister.OutboundSizeLo:
                entry.Size.SetLow(value);
                break;
            case EpcRegister.OutboundSizeHi:
                entry.Size.SetHigh(value);
                break;
            case EpcRegister.OutboundAddressLo:
                entry.Address.SetLow(value);
                break;
            case EpcRegister.OutboundAddressHi:
                entry.Address.SetHigh(value);
                break;
            case EpcRegister.OutboundControl:
                entry.Result = Commit(index, value);
                if ((value & EpcRegister.OutboundControlMapped) != 0 && entry.Result != CommitResult.Pending)
                {
                    mapped.Announce();
                }

                break;
        }
    }

    /// <summary>Puts every register to its reset value and removes every translation of BAR2 and of the DMA engine.</summary>
    public void Reset()
    {
        Array.Clear(_entries);
        window.Replace(OutboundMap.Empty);
        mappedPath.Replace(OutboundMap.Empty);
    }

    /// <summary>What a commit came to; one of the mapped window may still be under way.</summary>
    private CommitResult Result(int index)
    {
        ref Entry entry = ref _entries[index];
        if (entry.Result == CommitResult.Pending)
        {
            entry.Result = mapped.Result(index);
            if (entry.Result != CommitResult.Pending && entry.Result != CommitResult.Ok && entry.Committed is not null)
            {
                entry.Committed = null;
                Publish(mapped: true);
            }
        }

        return entry.Result;
    }

    private CommitResult Commit(int index, uint control)
    {
        ref Entry entry = ref _entries[index];
        if (Result(index) == CommitResult.Pending)
        {
            // It goes on, and its result is still to come.
            return CommitResult.Pending;
        }

        OutboundTranslation? translation = null;
        bool isMapped = entry.Mapped && entry.Committed is not null;
        if ((control & EpcRegister.OutboundControlEnable) != 0)
        {
            bool toMapped = (control & EpcRegister.OutboundControlMapped) != 0;
            if (entry.Committed is not null && toMapped != isMapped)
            {
                return CommitResult.Invalid;
            }

            isMapped = toMapped;
            var staged = new OutboundTranslation(
                entry.Offset.Value,
                entry.Size.Value,
                entry.Address.Value,
                Field.Get(EpcRegister.OutboundControlFunction, control));
            CommitResult result = Check(index, staged, isMapped);
            if (result != CommitResult.Ok)
            {
                return result;
            }

            translation = staged;
        }

        if (entry.Committed == translation)
        {
            return CommitResult.Ok;
        }

        entry.Committed = translation;
        entry.Mapped = isMapped;
        Publish(isMapped);
        if (!isMapped)
        {
            return CommitResult.Ok;
        }

        mapped.Commit(index, translation);
        return CommitResult.Pending;
    }

    private void Publish(bool mapped) => (mapped ? mappedPath : window).Replace(new OutboundMap(
        _entries.Where(entry => entry.Mapped == mapped).Select(entry => entry.Committed).OfType<OutboundTranslation>()));

    private CommitResult Check(int index, OutboundTranslation staged, bool isMapped)
    {
        ulong windowSize = isMapped ? mapped.Size : EpcLimits.WindowSize;
        if (staged.Size == 0
            || staged.Offset >= windowSize
            || staged.Size > windowSize - staged.Offset
            || staged.Address + (staged.Size - 1) < staged.Address
            || staged.Function >= EpcLimits.Functions
            || (isMapped && (staged.Offset | staged.Size | staged.Address) % MappedWindow.PageSize != 0))
        {
            return CommitResult.Invalid;
        }

        for (int i = 0; i < _entries.Length; i++)
        {
            if (i != index
                && _entries[i].Mapped == isMapped
                && _entries[i].Committed is { } other
                && (staged.Offset - other.Offset < other.Size || other.Offset - staged.Offset < staged.Size))
            {
                return CommitResult.Overlap;
            }
        }

        return isMapped ? mapped.Check(staged) : CommitResult.Ok;
    }

    private struct Entry
    {
        public Register64 Offset;
        public Register64 Size;
        public Register64 Address;
        public OutboundTranslation? Committed;
        public bool Mapped;
        public CommitResult Result;
    }
}
