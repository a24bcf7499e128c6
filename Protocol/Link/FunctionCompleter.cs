using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.Completion;
using EpfTest.Protocol.Pcie.Tlp;
using Microsoft.Extensions.Logging;

namespace EpfTest.Protocol.Link;

/// <summary>
/// One function's requests that arrive over a link: the receiving thread carries them out, or gives them to the slow
/// path if they wait for a QEMU.
/// </summary>
/// <remarks>The order on the slow path is described in docs/link-protocol.md, "Order".</remarks>
internal sealed class FunctionCompleter : ICompletionSender, IReadHolder, IDisposable
{
    private readonly LinkConnection _link;
    private readonly FunctionId _function;
    private readonly Bdf _completerId;
    private readonly ICompleterTarget _target;
    private readonly ILogger _logger;
    private readonly Action? _queued;
    private readonly Completer _completer;
    private readonly SlowPath _slowPath;

    /// <summary>A completer with nothing queued.</summary>
    /// <param name="link">Where requests come from and completions go.</param>
    /// <param name="function">The function that they are about.</param>
    /// <param name="completerId">ID in completions.</param>
    /// <param name="target">What requests access.</param>
    /// <param name="logger">Gets the reason when the link is ended.</param>
    /// <param name="queued">Called by the receiving thread after each request that was given to the slow path.</param>
    public FunctionCompleter(
        LinkConnection link,
        FunctionId function,
        Bdf completerId,
        ICompleterTarget target,
        ILogger logger,
        Action? queued = null)
    {
        _link = link;
        _function = function;
        _completerId = completerId;
        _target = target;
        _logger = logger;
        _queued = queued;
        _completer = new Completer(target, this);
        Func<bool>? claim = null;
        _slowPath = new SlowPath((in TlpHeader request, ReadOnlySpan<byte> payload) =>
            _completer.CarryOutQueued(request, payload, claim!));
        claim = _slowPath.TryAnswer;
    }

    /// <summary>Takes a request or message. For the receiving thread.</summary>
    public void Handle(in TlpHeader request, ReadOnlySpan<byte> payload)
    {
        // A zero-length read pushes what is queued.
        bool pushes = request.FirstByteEnables == 0 && (request.IsMemory || request.IsIo) && !_slowPath.IsEmpty;
        if (pushes || !_completer.TryCarryOut(request, payload))
        {
            Queue(request, payload);
        }
    }

    /// <summary>Drops the requests that wait: the function may have nothing under way any more.</summary>
    public void Cancel() =>
        _slowPath.Cancel((in TlpHeader request, ReadOnlySpan<byte> _) => _completer.Cancel(request));

    /// <summary>
    /// Breaks a deadlock: answers reads that wait for private memory, and those behind them. Posted writes stay queued.
    /// </summary>
    public void AnswerStuck() => _slowPath.AnswerStuck(
        _completer.IsPrivate, (in TlpHeader request, ReadOnlySpan<byte> _) => _completer.Abandon(request));

    /// <summary>Ends the slow path.</summary>
    public void Dispose() => _slowPath.Dispose();

    /// <inheritdoc/>
    void ICompletionSender.SendCompletion(in TlpHeader request, CompletionStatus status) =>
        _link.Completions.Send(_function, request, _completerId, status);

    /// <inheritdoc/>
    void ICompletionSender.SendData(
        in TlpHeader request, ReadOnlySpan<byte> data, int readCompletionBoundary, int maxPayload) =>
        _link.Completions.SendData(_function, request, _completerId, data, readCompletionBoundary, maxPayload);

    /// <inheritdoc/>
    Span<byte> ICompletionSender.BeginHeld(in TlpHeader request, int maxPayload, out int frameLength)
    {
        frameLength = 0;
        return (_link.Capabilities & LinkCapabilities.Direct) != 0
            ? []
            : _link.Completions.PlaceData(_function, request, _completerId, maxPayload, this, out frameLength);
    }

    /// <inheritdoc/>
    void ICompletionSender.EndHeld(in TlpHeader request, int frameLength) =>
        _link.Completions.Hold(request, frameLength);

    /// <inheritdoc/>
    bool IReadHolder.MayAnswer() => !_target.HasPendingPostedWrites;

    /// <inheritdoc/>
    void IReadHolder.AnswerLater(in TlpHeader request) => Queue(request, []);

    private void Queue(in TlpHeader request, ReadOnlySpan<byte> payload)
    {
        if (!_slowPath.TryAdd(request, payload))
        {
            _logger.LogError(
                "link ended: slow path queue overflow, function {Function} has {Count} requests to private memory",
                _function,
                SlowPath.Capacity);
            _link.Shutdown();
        }

        _queued?.Invoke();
    }
}
