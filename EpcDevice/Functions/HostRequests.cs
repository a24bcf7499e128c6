using EpfTest.EpcDevice.Link;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie;

namespace EpfTest.EpcDevice.Functions;

/// <summary>Memory requests of the functions, if the link's state and bus mastering allow them.</summary>
/// <remarks>For any thread that holds no lock; waits no longer than the link's time limit.</remarks>
internal sealed class HostRequests(LinkTraining link, IHostLink host, FunctionBlock[] functions)
{
    /// <inheritdoc cref="IHostLink.GuestWaits"/>
    public bool GuestWaits
    {
        set => host.GuestWaits = value;
    }

    /// <inheritdoc cref="IFunctionPort.Read"/>
    public RequestStatus Read(int function, ulong address, Span<byte> destination)
    {
        FunctionBlock block = functions[function];
        RequestStatus status = Check(block);
        return status != RequestStatus.Success ? status : Record(block, block.Port.Read(address, destination));
    }

    /// <inheritdoc cref="IHostLink.ReadsAhead"/>
    public bool ReadsAhead => host.ReadsAhead;

    /// <inheritdoc cref="IFunctionPort.BeginRead"/>
    public PendingRead BeginRead(int function, ulong address, ref int length, IReadTarget target)
    {
        FunctionBlock block = functions[function];
        RequestStatus status = Check(block);
        return status == RequestStatus.Success
            ? block.Port.BeginRead(address, ref length, target)
            : PendingRead.Failed(status);
    }

    /// <summary>Awaits what <see cref="BeginRead"/> has begun.</summary>
    public RequestStatus EndRead(int function, PendingRead read) => Record(functions[function], read.Await());

    /// <summary>Writes memory of the host; a write that is an MSI of the function is sent as such.</summary>
    /// <param name="function">Index of the function.</param>
    /// <param name="address">Host bus address.</param>
    /// <param name="source">What to write.</param>
    public RequestStatus Write(int function, ulong address, ReadOnlySpan<byte> source)
    {
        FunctionBlock block = functions[function];
        RequestStatus status = Check(block);
        return status != RequestStatus.Success || block.TryWriteMsi(address, source)
            ? status
            : Record(block, block.Port.Write(address, source));
    }

    /// <inheritdoc cref="IFunctionPort.Lease"/>
    public MemoryLease Lease(int function, ulong address, int wanted, DmaAccess access)
    {
        FunctionBlock block = functions[function];
        return Check(block) == RequestStatus.Success ? block.Port.Lease(address, wanted, access) : default;
    }

    private static RequestStatus Record(FunctionBlock block, RequestStatus status)
    {
        if (status != RequestStatus.Success)
        {
            block.RecordRequestError(status);
        }

        return status;
    }

    private RequestStatus Check(FunctionBlock block) =>
        !link.IsUp ? RequestStatus.LinkDown : block.IsBusMaster ? RequestStatus.Success : RequestStatus.NotBusMaster;
}
