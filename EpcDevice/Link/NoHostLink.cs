using EpfTest.Protocol.Link;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.EpcDevice.Link;

/// <summary>The link while there is none.</summary>
internal sealed class NoHostLink : IHostLink
{
    /// <inheritdoc/>
    public void SetLink(bool up)
    {
    }

    /// <inheritdoc/>
    public bool GuestWaits
    {
        set
        {
        }
    }

    /// <inheritdoc/>
    public void SetBusMaster(int function, bool enabled)
    {
    }

    /// <inheritdoc/>
    public RequestStatus Read(int function, ulong address, Span<byte> destination) => RequestStatus.LinkDown;

    /// <inheritdoc/>
    public bool ReadsAhead => false;

    /// <inheritdoc/>
    public PendingRead BeginRead(int function, ulong address, ref int length, IReadTarget target) => default;

    /// <inheritdoc/>
    public RequestStatus Write(int function, ulong address, ReadOnlySpan<byte> source) => RequestStatus.LinkDown;

    /// <inheritdoc/>
    public MemoryLease Lease(int function, ulong address, int wanted, DmaAccess access) => default;

    /// <inheritdoc/>
    public bool TryResolve(int function, ulong address, ulong size, List<HostMapping> parts) => false;

    /// <inheritdoc/>
    public bool HidesMemory => false;

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
