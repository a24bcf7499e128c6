using EpfTest.EpcDevice.Link;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.Fuzz;

/// <summary>A host that does at once what the controller asks, so that nothing waits for the fuzzer.</summary>
internal sealed class TrainedLink : IHostLink, IFunctionPort
{
    public bool SetLink(bool up) => up;

    public IFunctionPort PortOf(IFunction function) => this;

    public bool GuestWaits
    {
        set
        {
        }
    }

    public bool ReadsAhead => false;

    public bool SharesNoMemory => false;

    public void SetBusMaster(bool enabled)
    {
    }

    public RequestStatus Read(ulong address, Span<byte> destination) => RequestStatus.UnsupportedRequest;

    public PendingRead BeginRead(ulong address, ref int length, IReadTarget target) => default;

    public RequestStatus Write(ulong address, ReadOnlySpan<byte> source) => RequestStatus.Success;

    public MemoryLease Lease(ulong address, int wanted, DmaAccess access) => default;

    public bool TryResolve(ulong address, ulong size, List<HostMapping> parts) => false;

    public void SendInterrupt(InterruptKind kind, int vector)
    {
    }

    public void SendIntx(bool asserted)
    {
    }

    public void SendError(ErrorMessage error)
    {
    }

    public bool InboundChanging(int bar) => true;

    public void InboundChanged(int bar)
    {
    }
}
