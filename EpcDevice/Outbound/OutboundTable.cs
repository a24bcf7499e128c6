using EpfTest.EpcDevice.Registers;

namespace EpfTest.EpcDevice.Outbound;

/// <summary>
/// The registers of the outbound translations (<c>docs/registers.md</c>, "Outbound translations"). Belongs to the thread
/// that serves the EP guest.
/// </summary>
internal sealed class OutboundTable(OutboundWindow window) : IRegisterBlock
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
                EpcRegister.OutboundControlEnable | Field.Put(EpcRegister.OutboundControlFunction, committed.Function),
            EpcRegister.OutboundResult => (uint)entry.Result,
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
                break;
        }
    }

    /// <summary>Puts every register to its reset value and removes every translation.</summary>
    public void Reset()
    {
        Array.Clear(_entries);
        window.Replace(OutboundMap.Empty);
    }

    private CommitResult Commit(int index, uint control)
    {
        ref Entry entry = ref _entries[index];
        OutboundTranslation? translation = null;
        if ((control & EpcRegister.OutboundControlEnable) != 0)
        {
            var staged = new OutboundTranslation(
                entry.Offset.Value,
                entry.Size.Value,
                entry.Address.Value,
                Field.Get(EpcRegister.OutboundControlFunction, control));
            CommitResult result = Check(index, staged);
            if (result != CommitResult.Ok)
            {
                return result;
            }

            translation = staged;
        }

        if (entry.Committed != translation)
        {
            entry.Committed = translation;
            window.Replace(new OutboundMap(_entries.Select(other => other.Committed).OfType<OutboundTranslation>()));
        }

        return CommitResult.Ok;
    }

    private CommitResult Check(int index, OutboundTranslation staged)
    {
        if (staged.Size == 0
            || staged.Offset >= EpcLimits.WindowSize
            || staged.Size > EpcLimits.WindowSize - staged.Offset
            || staged.Address + (staged.Size - 1) < staged.Address
            || staged.Function >= EpcLimits.Functions)
        {
            return CommitResult.Invalid;
        }

        for (int i = 0; i < _entries.Length; i++)
        {
            if (i != index
                && _entries[i].Committed is { } other
                && (staged.Offset - other.Offset < other.Size || other.Offset - staged.Offset < staged.Size))
            {
                return CommitResult.Overlap;
            }
        }

        return CommitResult.Ok;
    }

    private struct Entry
    {
        public Register64 Offset;
        public Register64 Size;
        public Register64 Address;
        public OutboundTranslation? Committed;
        public CommitResult Result;
    }
}
