using EpfTest.EpcDevice.Link;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie;

namespace EpfTest.EpcDevice.Functions;

/// <summary>
/// A function as requester: sends its memory requests while the link is up and the function is a bus master, and
/// records those that fail.
/// </summary>
/// <remarks>For any thread that holds no lock; waits no longer than the link's time limit.</remarks>
internal sealed class FunctionRequester(
    FunctionContext context, InterruptSource interrupts, FunctionErrors errors, FailedRequests failures)
{
    public FunctionId Id => context.Id;

    /// <summary>Whether the link is up and the function is a bus master.</summary>
    public bool MaySend => Check() == RequestStatus.Success;

    /// <inheritdoc cref="IFunctionPort.Read"/>
    /// <returns><see cref="RequestStatus.LinkDown"/>, <see cref="RequestStatus.NotBusMaster"/>, or the result of the
    /// requests.</returns>
    public RequestStatus Read(ulong address, Span<byte> destination)
    {
        RequestStatus status = Check();
        return Record(
            DmaAccess.Read,
            address,
            status == RequestStatus.Success ? context.Port.Read(address, destination) : status);
    }

    /// <inheritdoc cref="IFunctionPort.BeginRead"/>
    public PendingRead BeginRead(ulong address, ref int length, IReadTarget target)
    {
        RequestStatus status = Check();
        return status == RequestStatus.Success
            ? context.Port.BeginRead(address, ref length, target)
            : PendingRead.Failed(status);
    }

    /// <summary>Awaits what <see cref="BeginRead"/> has begun.</summary>
    public RequestStatus EndRead(ulong address, PendingRead read) => Record(DmaAccess.Read, address, read.Await());

    /// <summary>Writes memory of the host. A write that is an MSI of the function is sent as an interrupt.</summary>
    /// <returns>As for <see cref="Read"/>; success says only that no later request passes the write.</returns>
    public RequestStatus Write(ulong address, ReadOnlySpan<byte> source)
    {
        RequestStatus status = Check();
        if (status == RequestStatus.Success && !interrupts.TrySendMsi(address, source))
        {
            status = context.Port.Write(address, source);
        }

        return Record(DmaAccess.Write, address, status);
    }

    /// <summary>Reads, filling the bytes, or writes.</summary>
    /// <returns>As for <see cref="Read"/> and <see cref="Write"/>.</returns>
    public RequestStatus Access(ulong address, Span<byte> bytes, DmaAccess access) =>
        access == DmaAccess.Read ? Read(address, bytes) : Write(address, bytes);

    /// <inheritdoc cref="IFunctionPort.Lease"/>
    public MemoryLease Lease(ulong address, int wanted, DmaAccess access) =>
        MaySend ? context.Port.Lease(address, wanted, access) : default;

    /// <inheritdoc cref="IFunctionPort.TryResolve"/>
    public bool TryResolve(ulong address, ulong size, List<HostMapping> parts) =>
        context.Port.TryResolve(address, size, parts);

    /// <summary>Records the result of a request of the function.</summary>
    /// <returns>The result.</returns>
    public RequestStatus Record(DmaAccess access, ulong address, RequestStatus status)
    {
        if (status != RequestStatus.Success)
        {
            errors.RecordOwn(status);
            failures.Add(access, address, status);
        }

        return status;
    }

    private RequestStatus Check() => !context.Link.IsUp
        ? RequestStatus.LinkDown
        : context.IsBusMaster ? RequestStatus.Success : RequestStatus.NotBusMaster;
}
