using EpfTest.EpcDevice.Functions;
using EpfTest.EpcDevice.Registers;

namespace EpfTest.EpcDevice.Outbound;

/// <summary>
/// The registers of the outbound translations (<c>docs/registers.md</c>, "Outbound translations"). Belongs to the
/// thread that serves the EP guest.
/// </summary>
/// <param name="table">Takes what is committed.</param>
/// <param name="window">The window of entries with MAPPED.</param>
/// <param name="functions">The functions by number.</param>
/// <param name="mappedResult">Called when a commit with MAPPED has a result at once.</param>
internal sealed class OutboundRegisters(
    OutboundTable table, MappedWindow window, FunctionRequester[] functions, Action mappedResult) : IRegisterBlock
{
    private readonly StagedRegisters _staged = new(EpcLimits.Outbounds * EpcRegister.OutboundStride);

    /// <inheritdoc/>
    public uint Read(int offset)
    {
        (int index, int register) = Math.DivRem(offset, EpcRegister.OutboundStride);
        return register switch
        {
            _ when index >= EpcLimits.Outbounds => 0,
            < EpcRegister.OutboundControl => _staged[offset],
            EpcRegister.OutboundControl when table[index] is { Translation: { } committed } entry =>
                EpcRegister.OutboundControlEnable
                    | Field.Put(EpcRegister.OutboundControlMapped, entry.IsMapped)
                    | Field.Put(EpcRegister.OutboundControlFunction, committed.Function.Id.Number),
            EpcRegister.OutboundResult => (uint)table[index].Result,
            _ => 0,
        };
    }

    /// <inheritdoc/>
    public void Write(int offset, uint value)
    {
        (int index, int register) = Math.DivRem(offset, EpcRegister.OutboundStride);
        if (index >= EpcLimits.Outbounds)
        {
            return;
        }

        if (register < EpcRegister.OutboundControl)
        {
            _staged[offset] = value;
        }
        else if (register == EpcRegister.OutboundControl && table[index].Result != CommitResult.Pending)
        {
            Commit(index, value);
            if ((value & EpcRegister.OutboundControlMapped) != 0 && table[index].Result != CommitResult.Pending)
            {
                mappedResult();
            }
        }
    }

    /// <summary>Puts every register to its reset value, and clears every translation.</summary>
    public void Reset()
    {
        _staged.Clear();
        table.Reset();
    }

    private void Commit(int index, uint control)
    {
        if ((control & EpcRegister.OutboundControlEnable) == 0)
        {
            table.Set(index, null, table[index].IsMapped);
            return;
        }

        bool isMapped = (control & EpcRegister.OutboundControlMapped) != 0;
        CommitResult result = Check(index, control, isMapped, out OutboundTranslation translation);
        if (result == CommitResult.Ok)
        {
            table.Set(index, translation, isMapped);
        }
        else
        {
            table.Refuse(index, result);
        }
    }

    private CommitResult Check(int index, uint control, bool isMapped, out OutboundTranslation staged)
    {
        staged = default;
        int number = Field.Get(EpcRegister.OutboundControlFunction, control);
        if (functions.ElementAtOrDefault(number) is not { } function)
        {
            return CommitResult.Invalid;
        }

        int entry = index * EpcRegister.OutboundStride;
        ulong windowSize = isMapped ? window.Size : EpcLimits.WindowSize;
        staged = new OutboundTranslation(
            _staged.Get64(entry + EpcRegister.OutboundOffsetLo),
            _staged.Get64(entry + EpcRegister.OutboundSizeLo),
            _staged.Get64(entry + EpcRegister.OutboundAddressLo),
            function);
        if (staged.Size == 0
            || staged.Offset >= windowSize
            || staged.Size > windowSize - staged.Offset
            || staged.Address + (staged.Size - 1) < staged.Address
            || (isMapped && (staged.Offset | staged.Size | staged.Address) % MappedWindow.PageSize != 0)
            || (table[index] is { Translation: not null } committed && committed.IsMapped != isMapped))
        {
            return CommitResult.Invalid;
        }

        return table.Overlaps(index, staged, isMapped) ? CommitResult.Overlap
            : isMapped ? window.Check(staged)
            : CommitResult.Ok;
    }
}
