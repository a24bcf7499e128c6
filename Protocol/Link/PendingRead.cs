using EpfTest.Protocol.Pcie;

namespace EpfTest.Protocol.Link;

/// <summary>Memory read requests that have been sent, to be awaited once.</summary>
internal readonly struct PendingRead
{
    private readonly TlpRequester? _requester;
    private readonly Transfer? _transfer;
    private readonly RequestStatus _status;

    /// <param name="status">Not a success if some requests could not be sent.</param>
    public PendingRead(TlpRequester requester, Transfer transfer, RequestStatus status)
    {
        _requester = requester;
        _transfer = transfer;
        _status = status;
    }

    private PendingRead(RequestStatus status) => _status = status;

    /// <summary>Whether nothing was begun, and nothing has failed.</summary>
    public bool IsNone => _transfer is null && _status == RequestStatus.Success;

    /// <summary>A read that failed before anything was sent.</summary>
    public static PendingRead Failed(RequestStatus status) => new(status);

    /// <summary>Waits for all data, or until the time is up; nothing is put into the target after that.</summary>
    public RequestStatus Await() =>
        _transfer is null ? _status : _requester!.Await(_transfer, _status, receives: false);
}
