using EpfTest.EpcDevice.Link;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie;

namespace EpfTest.EpcDevice.Functions;

/// <summary>Memory requests of the functions, by number.</summary>
internal sealed class HostRequests(IHostLink host, EndpointFunction[] functions)
{
    /// <inheritdoc cref="IHostLink.GuestWaits"/>
    public bool GuestWaits
    {
        set => host.GuestWaits = value;
    }

    /// <inheritdoc cref="IHostLink.ReadsAhead"/>
    public bool ReadsAhead => host.ReadsAhead;

    public RequestStatus Read(int function, ulong address, Span<byte> destination) =>
        functions[function].Requester.Read(address, destination);

    public PendingRead BeginRead(int function, ulong address, ref int length, IReadTarget target) =>
        functions[function].Requester.BeginRead(address, ref length, target);

    public RequestStatus EndRead(int function, PendingRead read) => functions[function].Requester.EndRead(read);

    public RequestStatus Write(int function, ulong address, ReadOnlySpan<byte> source) =>
        functions[function].Requester.Write(address, source);

    public MemoryLease Lease(int function, ulong address, int wanted, DmaAccess access) =>
        functions[function].Requester.Lease(address, wanted, access);
}
