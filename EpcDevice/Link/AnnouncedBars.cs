using EpfTest.Protocol.Link;
using EpfTest.Protocol.Link.Messages;
using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.EpcDevice.Link;

/// <summary>What the bridge knows of a function's BARs.</summary>
internal sealed class AnnouncedBars(IFunction function)
{
    private readonly Lock _lock = new();
    private readonly BarAddressMessage[] _sent = new BarAddressMessage[PciRegister.BaseAddressCount];
    private int _generation;

    /// <summary>A bridge that knows nothing is told what the function is.</summary>
    public void SendFunction(LinkConnection connection)
    {
        FunctionDescription? description = function.Describe();
        var bars = new BarMessage[PciRegister.BaseAddressCount];
        for (int bar = 0; description is not null && bar < bars.Length; bar++)
        {
            if (description.Bars[bar] is { } spec)
            {
                bars[bar] = new BarMessage(spec.Size, description.BarAddresses[bar], spec.Flags);
            }
        }

        var message = new FunctionMessage(
            description is not null,
            (byte)(description?.InterruptPin ?? 0),
            (ushort)(description?.MsiVectors ?? 0),
            (ushort)(description?.MsixVectors ?? 0),
            bars);
        Span<byte> payload = stackalloc byte[FunctionMessage.Length];
        message.Encode(payload);
        connection.SendControl(FrameKind.Function, function.Id, payload);
        lock (_lock)
        {
            Array.Clear(_sent);
            _generation = 0;
        }
    }

    /// <summary>Sends where the host's last write has put BARs. For the receiving thread.</summary>
    public void SendMoved(LinkConnection connection)
    {
        int generation = function.BarGeneration;
        if (generation != _generation)
        {
            _generation = generation;
            SendChanges(connection);
        }
    }

    /// <summary>Sends what the bridge does not know yet.</summary>
    public void SendChanges(LinkConnection connection)
    {
        // Both the receiving thread and the one that serves the EP guest come here.
        using Lock.Scope locked = _lock.EnterScope();
        if (function.Describe() is not { } description)
        {
            return;
        }

        Span<byte> message = stackalloc byte[BarAddressMessage.Length];
        for (int bar = 0; bar < _sent.Length; bar++)
        {
            var now = new BarAddressMessage(
                bar, description.BarAddresses[bar], description.BarsEnabled[bar], description.BarsAwaited[bar]);
            if (_sent[bar] != now)
            {
                _sent[bar] = now;
                now.Encode(message);
                connection.SendControl(FrameKind.BarAddress, function.Id, message);
            }
        }
    }
}
