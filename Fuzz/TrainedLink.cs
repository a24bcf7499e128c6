using EpfTest.EpcDevice.Link;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.Fuzz;

/// <summary>The controller's requests to the host, all carried out at once: none waits for the input.</summary>
internal sealed class TrainedLink(IEndpoint endpoint) : IHostLink
{
    /// <inheritdoc/>
    public void SetLink(bool up) => endpoint.LinkChanged(up);

    /// <inheritdoc/>
    public bool GuestWaits
    {
        set
        {
        }
    }

    /// <inheritdoc/>
    public bool HidesMemory => false;

    /// <inheritdoc/>
    public void SetBusMaster(int function, bool enabled)
    {
    }

    /// <inheritdoc/>
    public RequestStatus Read(int function, ulong address, Span<byte> destination) => RequestStatus.UnsupportedRequest;

    /// <inheritdoc/>
    public bool ReadsAhead => false;

    /// <inheritdoc/>
    public PendingRead BeginRead(int function, ulong address, ref int length, IReadTarget target) => default;

    /// <inheritdoc/>
    public RequestStatus Write(int function, ulong address, ReadOnlySpan<byte> source) => RequestStatus.Success;

    /// <inheritdoc/>
    public MemoryLease Lease(int function, ulong address, int wanted, DmaAccess access) => default;

    /// <inheritdoc/>
    public bool TryResolve(int function, ulong address, ulong size, List<HostMapping> parts) => false;

    /// <inheritdoc/>
    public void SendMsi(int function, int vector)
    {
    }

    /// <inheritdoc/>
    public void SendMsix(int function, int vector)
    {
    }

    /// <inheritdoc/>
    public void SendIntx(int function, bool asserted)
    {
    }

    /// <inheritdoc/>
    public void SendError(int function, ErrorMessage error)
    {
    }

    /// <inheritdoc/>
    public bool InboundChanging(int function, int bar) => true;

    /// <inheritdoc/>
    public void InboundChanged(int function, int bar)
    {
    }
}
