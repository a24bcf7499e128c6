using EpfTest.EpcDevice;
using EpfTest.EpcDevice.Link;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.Kit.EpcDevice;

/// <summary>A host with memory, which answers at once; records what else it is told.</summary>
internal sealed class FakeHostLink : IHostLink
{
    public const ulong MemoryAddress = 0x8000_0000;

    private readonly List<string> _log = [];

    public byte[] Memory { get; } = new byte[4 << 20];

    /// <summary>What every read and write comes to.</summary>
    public RequestStatus Error { get; set; }

    /// <summary>Which functions may issue requests, as far as it was said.</summary>
    public Dictionary<int, bool> BusMasters { get; } = [];

    /// <summary>Whether the host's QEMU has all BARs mapped.</summary>
    public bool HoldsBars { get; set; }

    /// <summary>Called in the middle of each read and write, with the host bus address.</summary>
    public Action<ulong>? DuringRequest { get; set; }

    /// <summary>Called in the middle of each call that waits for the other process.</summary>
    public Action? DuringWait { get; set; }

    /// <summary>What has been sent, asked and written since the last time that this was read.</summary>
    public string TakeLog()
    {
        lock (_log)
        {
            string taken = string.Join(", ", _log);
            _log.Clear();
            return taken;
        }
    }

    public bool SetLink(bool up)
    {
        DuringWait?.Invoke();
        Log(up ? "up" : "down");
        return up;
    }

    public IFunctionPort PortOf(IFunction function) => new Port(this, function.Id.Physical);

    public bool GuestWaits
    {
        set
        {
        }
    }

    public bool ReadsAhead => false;

    public bool SharesNoMemory { get; set; }

    private Span<byte> Range(ulong address, int length) => Memory.AsSpan((int)(address - MemoryAddress), length);

    private bool Inside(ulong address, int length) =>
        address >= MemoryAddress && address - MemoryAddress <= (ulong)(Memory.Length - length);

    private void Log(string what)
    {
        lock (_log)
        {
            _log.Add(what);
        }
    }

    private sealed class Port(FakeHostLink link, int function) : IFunctionPort
    {
        public void SetBusMaster(bool enabled)
        {
            link.DuringWait?.Invoke();
            link.BusMasters[function] = enabled;
        }

        public PendingRead BeginRead(ulong address, ref int length, IReadTarget target) => default;

        public RequestStatus Read(ulong address, Span<byte> destination)
        {
            RequestStatus status = Check(address, destination.Length);
            if (status == RequestStatus.Success)
            {
                link.Range(address, destination.Length).CopyTo(destination);
            }

            return status;
        }

        public RequestStatus Write(ulong address, ReadOnlySpan<byte> source)
        {
            RequestStatus status = Check(address, source.Length);
            if (status == RequestStatus.Success)
            {
                source.CopyTo(link.Range(address, source.Length));
            }

            return status;
        }

        public MemoryLease Lease(ulong address, int wanted, DmaAccess access) => default;

        public bool TryResolve(ulong address, ulong size, List<HostMapping> parts) => false;

        public void SendInterrupt(InterruptKind kind, int vector) =>
            link.Log($"{(kind == InterruptKind.Msi ? "MSI" : "MSI-X")} {function}.{vector}");

        public void SendIntx(bool asserted) => link.Log($"INTx {function} {(asserted ? "asserted" : "deasserted")}");

        public void SendError(ErrorMessage error) => link.Log($"ERR {function} {error}");

        public bool InboundChanging(int bar)
        {
            link.DuringWait?.Invoke();
            link.Log($"changing {function}.{bar}");
            return !link.HoldsBars;
        }

        public void InboundChanged(int bar) => link.Log($"changed {function}.{bar}");

        private RequestStatus Check(ulong address, int length)
        {
            link.DuringRequest?.Invoke(address);
            return link.Error != RequestStatus.Success || link.Inside(address, length)
                ? link.Error
                : RequestStatus.UnsupportedRequest;
        }
    }
}
