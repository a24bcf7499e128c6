using EpfTest.Protocol.Hosting;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Link.Messages;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.Completion;
using EpfTest.Protocol.Pcie.Tlp;
using EpfTest.Protocol.VfioUser;
using Microsoft.Extensions.Logging;

namespace EpfTest.EpfBridge;

/// <summary>What a function's requests reach at the root complex: the host's memory, and its interrupts.</summary>
/// <param name="function">The function.</param>
/// <param name="configuration">Sizes that the host has set.</param>
/// <param name="isDirect">Whether memory is shared over the link.</param>
/// <param name="irqCounts">Vectors, by <see cref="IrqIndex"/>.</param>
/// <param name="writeFailed">Tells the function of a posted write that failed; nothing else does.</param>
/// <param name="logger">Gets failed requests.</param>
internal sealed class HostTarget(
    FunctionId function,
    ConfigShadow configuration,
    bool isDirect,
    IReadOnlyList<int> irqCounts,
    Action<WriteFailedMessage> writeFailed,
    ILogger logger) : ICompleterTarget
{
    private readonly BurstLog _failures = new(logger);
    private readonly string _read = $"read by function {function}";
    private readonly string _write = $"write by function {function}";
    private volatile bool _isPresent;

    /// <summary>The host's guest; set once, before anything else.</summary>
    public IVfioUserClient? Client { get; set; }

    /// <inheritdoc/>
    public bool IsPresent
    {
        get => _isPresent;
        set => _isPresent = value;
    }

    /// <inheritdoc/>
    public int MaxPayload => configuration.MaxPayload;

    /// <inheritdoc/>
    public int MaxReceivedPayload => configuration.MaxReceivedPayload;

    /// <inheritdoc/>
    public int ReadCompletionBoundary => configuration.ReadCompletionBoundary;

    /// <inheritdoc/>
    public bool HasPendingPostedWrites => !isDirect && Client is { HasPendingPostedWrites: true };

    /// <inheritdoc/>
    public bool DrainPostedWrites() => Client?.DrainPostedWrites() ?? true;

    /// <inheritdoc/>
    public bool TryRoute(in TlpHeader request, out Route route)
    {
        ulong address = request.FirstByteAddress;
        route = new Route(0, address, Client?.Memory.WaitsForClient(address, request.ByteLength) ?? false);
        return Client is not null && request.IsMemory;
    }

    /// <inheritdoc/>
    public RequestStatus Read(in Route route, Span<byte> destination) =>
        Client!.Memory.Read(route.Offset, destination).ToRequestStatus();

    /// <inheritdoc/>
    public RequestStatus Write(in Route route, ReadOnlySpan<byte> source) =>
        Client!.Memory.Write(route.Offset, source).ToRequestStatus();

    /// <inheritdoc/>
    public bool TryReadConfig(int offset, out uint value)
    {
        value = 0;
        return false;
    }

    /// <inheritdoc/>
    public bool TryWriteConfig(int offset, uint value, byte byteEnables, Action complete) => false;

    /// <inheritdoc/>
    public void ReceiveMessage(in TlpHeader message)
    {
        if (!_isPresent || Client is not { } client)
        {
            return;
        }

        if (InterruptMessage.TryDecode(message, out bool isMsix, out int vector))
        {
            IrqIndex index = isMsix ? IrqIndex.Msix : IrqIndex.Msi;
            if (vector < irqCounts[(int)index])
            {
                client.Interrupts.Trigger(index, vector);
            }
        }
        else if (message.MessageCode is >= MessageCode.Assert_INTA and <= MessageCode.Deassert_INTD
            && irqCounts[(int)IrqIndex.Intx] > 0)
        {
            client.Interrupts.SetIntx(message.MessageCode <= MessageCode.Assert_INTD);
        }
    }

    /// <inheritdoc/>
    public void RecordFailure(in TlpHeader request, RequestStatus status)
    {
        ulong address = request.FirstByteAddress;
        _failures.Report(request.HasPayload ? _write : _read, address, status);
        if (!request.IsNonPosted)
        {
            writeFailed(new WriteFailedMessage(status, address));
        }
    }

    /// <inheritdoc/>
    public void RecordMalformed(in TlpHeader request) => logger.LogWarning(
        "malformed TLP of function {Function} dropped: {Length} bytes of data exceed Max_Payload_Size of {Limit}",
        function,
        request.PayloadLength,
        MaxReceivedPayload);
}
