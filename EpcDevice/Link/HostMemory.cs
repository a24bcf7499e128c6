using EpfTest.EpcDevice.Functions;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie;

namespace EpfTest.EpcDevice.Link;

/// <summary>Memory requests of the functions, as far as the link's state and bus mastering allow them.</summary>
/// <remarks>For any thread that holds no lock; waits no longer than the link's time limit.</remarks>
internal sealed class HostMemory(LinkState link, FunctionBlock[] functions)
{
    /// <inheritdoc cref="IHostLink.GuestWaits"/>
    public bool GuestWaits
    {
        set => link.Host.GuestWaits = value;
    }

    /// <summary>Reads memory of the host.</summary>
    /// <param name="function">Whose requester ID is used.</param>
    /// <param name="address">Host bus address.</param>
    /// <param name="destination">Filled; contents are undefined where the result is an error.</param>
    /// <returns><see cref="RequestStatus.LinkDown"/> while the link is down, <see cref="RequestStatus.NotBusMaster"/> while the function may
    /// not issue requests, or what <see cref="IHostLink.Read"/> returned.</returns>
    public RequestStatus Read(int function, ulong address, Span<byte> destination)
    {
        FunctionBlock block = functions[function];
        RequestStatus error = Check(block);
        return error != RequestStatus.Success ? error : Record(block, link.Host.Read(function, address, destination));
    }

    /// <inheritdoc cref="IHostLink.ReadsAhead"/>
    public bool ReadsAhead => link.Host.ReadsAhead;

    /// <summary>Begins to read memory of the host straight to where it belongs, as <see cref="IHostLink.BeginRead"/> has
    /// it.</summary>
    public PendingRead BeginRead(int function, ulong address, ref int length, IReadTarget target)
    {
        RequestStatus error = Check(functions[function]);
        return error == RequestStatus.Success
            ? link.Host.BeginRead(function, address, ref length, target)
            : PendingRead.Failed(error);
    }

    /// <summary>Awaits what <see cref="BeginRead"/> has begun.</summary>
    public RequestStatus EndRead(int function, PendingRead read) => Record(functions[function], read.Await());

    /// <summary>Writes memory of the host; a write that is an MSI of the function is sent as such.</summary>
    /// <param name="function">Whose requester ID is used.</param>
    /// <param name="address">Host bus address.</param>
    /// <param name="source">What to write.</param>
    /// <returns>As for <see cref="Read"/>.</returns>
    public RequestStatus Write(int function, ulong address, ReadOnlySpan<byte> source)
    {
        FunctionBlock block = functions[function];
        RequestStatus error = Check(block);
        if (error != RequestStatus.Success || block.TryWriteMsi(address, source))
        {
            return error;
        }

        return Record(block, link.Host.Write(function, address, source));
    }

    /// <summary>Leases memory of the host, as <see cref="IHostLink.Lease"/> has it.</summary>
    public MemoryLease Lease(int function, ulong address, int wanted, DmaAccess access) =>
        Check(functions[function]) == RequestStatus.Success ? link.Host.Lease(function, address, wanted, access) : default;

    private static RequestStatus Record(FunctionBlock block, RequestStatus error)
    {
        if (error != RequestStatus.Success)
        {
            block.RecordRequestError(error);
        }

        return error;
    }

    private RequestStatus Check(FunctionBlock block) =>
        !link.Up ? RequestStatus.LinkDown : block.IsBusMaster ? RequestStatus.Success : RequestStatus.NotBusMaster;
}
