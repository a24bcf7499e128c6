using System.Buffers.Binary;
using EpfTest.Protocol.Linux;

namespace EpfTest.Protocol.VfioUser;

/// <content>VFIO_USER_DEVICE_SET_IRQS.</content>
internal sealed partial class VfioUserConnection
{
    // argsz (4), flags (4), index (4), start (4), count (4), data
    private const int IrqSetSize = 20;

    private Errno SetIrqs(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < IrqSetSize || BinaryPrimitives.ReadUInt32LittleEndian(payload) < IrqSetSize)
        {
            return Errno.EINVAL;
        }

        var flags = (IrqSetFlags)BinaryPrimitives.ReadUInt32LittleEndian(payload[4..]);
        var index = (IrqIndex)BinaryPrimitives.ReadInt32LittleEndian(payload[8..]);
        uint start = BinaryPrimitives.ReadUInt32LittleEndian(payload[12..]);
        uint count = BinaryPrimitives.ReadUInt32LittleEndian(payload[16..]);
        ReadOnlySpan<byte> bools = payload[IrqSetSize..];
        int passed = _receiver.Descriptors.Length;
        IrqSetFlags data = flags & IrqSetFlags.DataMask;
        IrqSetFlags action = flags & IrqSetFlags.ActionsMask;
        if (flags != (data | action)
            || !IsValid(index, start, count, data, action, bools.Length)
            || (passed > 0 && (data != IrqSetFlags.DataEventFd || passed != count)))
        {
            return Errno.EINVAL;
        }

        if (count == 0)
        {
            _interrupts.Disable(index);
            return Errno.None;
        }

        _interrupts.BeginChange(index, (int)start, (int)count);
        Errno error = data == IrqSetFlags.DataEventFd
            ? SetEventFds(index, (int)start, (int)count, action)
            : Act(index, (int)start, (int)count, action, data, bools);
        _interrupts.EndChange();
        return error;
    }

    /// <summary>Signals, masks or unmasks vectors; with DATA_BOOL only those whose byte is set.</summary>
    private Errno Act(
        IrqIndex index, int start, int count, IrqSetFlags action, IrqSetFlags data, ReadOnlySpan<byte> bools)
    {
        for (int vector = 0; vector < count; vector++)
        {
            if (data == IrqSetFlags.DataBool && bools[vector] == 0)
            {
                continue;
            }

            if (action == IrqSetFlags.ActionTrigger)
            {
                _interrupts.Loopback(index, start + vector);
            }
            else
            {
                _interrupts.SetMask(index, start + vector, action == IrqSetFlags.ActionMask);
            }
        }

        return Errno.None;
    }

    private bool IsValid(IrqIndex index, uint start, uint count, IrqSetFlags data, IrqSetFlags action, int dataLength)
    {
        if ((uint)index >= (uint)_device.IrqCounts.Count)
        {
            return false;
        }

        uint vectors = (uint)_interrupts.Count(index);
        if (start >= vectors || count > vectors - start)
        {
            return false;
        }

        // One kind of data and one action; the length that the data needs; only TRIGGER for ERR and REQ.
        bool oneData = data is IrqSetFlags.DataNone or IrqSetFlags.DataEventFd
            || (data == IrqSetFlags.DataBool && dataLength == count);
        bool oneAction = action == IrqSetFlags.ActionTrigger
            || (action is IrqSetFlags.ActionMask or IrqSetFlags.ActionUnmask
                && index is IrqIndex.Intx or IrqIndex.Msi or IrqIndex.Msix);

        // A count of 0 disables the type, in this form only.
        bool disables = start == 0 && data == IrqSetFlags.DataNone && action == IrqSetFlags.ActionTrigger;
        return oneData && oneAction && (count > 0 || disables);
    }

    /// <summary>Sets the eventfds that came with the message; without any, removes those of the vectors.</summary>
    private Errno SetEventFds(IrqIndex index, int start, int count, IrqSetFlags action)
    {
        var signals = new EventFd?[count];
        Span<int> descriptors = _receiver.Descriptors;
        for (int i = 0; i < descriptors.Length; i++)
        {
            signals[i] = EventFd.TryAdopt(descriptors[i]);
            if (signals[i] is null)
            {
                // Those before it are disposed; the others are closed with the message.
                DisposeAll(signals);
                return Errno.EINVAL;
            }

            descriptors[i] = -1;
        }

        for (int i = 0; i < count; i++)
        {
            if (action == IrqSetFlags.ActionTrigger)
            {
                _interrupts.SetSignal(index, start + i, signals[i]);
            }
            else
            {
                _interrupts.SetMaskSignal(index, start + i, action == IrqSetFlags.ActionMask, signals[i]);
            }
        }

        return Errno.None;
    }

    private static void DisposeAll(EventFd?[] signals)
    {
        foreach (EventFd? signal in signals)
        {
            signal?.Dispose();
        }
    }
}
