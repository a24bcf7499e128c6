using EpfTest.Protocol.Pcie;

namespace EpfTest.Protocol.Link;

/// <summary>Memory read requests that have been sent and have still to be awaited, once.</summary>
internal readonly struct PendingRead
{
    private readonly TlpRequester? _requester;
    private readonly TlpRequester.Transfer? _transfer;
    private readonly RequestStatus _error;

    internal PendingRead(TlpRequester requester, TlpRequester.Transfer transfer, RequestStatus error)
    {
        _requester = requester;
        _transfer = transfer;
        _error = error;
    }

    private PendingRead(RequestStatus error) => _error = error;

    /// <summary>Whether nothing was begun, and nothing has failed.</summary>
    public bool IsNone => _transfer is null && _error == RequestStatus.Success;

    /// <summary>One that has failed before anything was sent.</summary>
    public static PendingRead Failed(RequestStatus error) => new(error);

    /// <summary>Waits until all is there, or the time is up; nothing is put into the target after that.</summary>
    /// <returns>As for <see cref="TlpRequester.ReadMemory"/>.</returns>
    public RequestStatus Await() => _transfer is null ? _error : _requester!.Await(_transfer, _error, receives: false);
}
