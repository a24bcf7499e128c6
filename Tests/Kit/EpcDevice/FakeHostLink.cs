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

    public IEndpoint? Endpoint { get; set; }

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

    public void SetLink(bool up)
    {
        DuringWait?.Invoke();
        Log(up ? "up" : "down");
        Endpoint!.LinkChanged(up);
    }

    public bool GuestWaits
    {
        set
        {
        }
    }

    public void SetBusMaster(int function, bool enabled)
    {
        DuringWait?.Invoke();
        BusMasters[function] = enabled;
    }

    public bool ReadsAhead => false;

    public PendingRead BeginRead(int function, ulong address, ref int length, IReadTarget target) => default;

    public RequestStatus Read(int function, ulong address, Span<byte> destination)
    {
        DuringRequest?.Invoke(address);
        if (Error == RequestStatus.Success)
        {
            if (!Inside(address, destination.Length))
            {
                return RequestStatus.UnsupportedRequest;
            }

            Memory.AsSpan((int)(address - MemoryAddress), destination.Length).CopyTo(destination);
        }

        return Error;
    }

    public RequestStatus Write(int function, ulong address, ReadOnlySpan<byte> source)
    {
        DuringRequest?.Invoke(address);
        if (Error == RequestStatus.Success)
        {
            if (!Inside(address, source.Length))
            {
                return RequestStatus.UnsupportedRequest;
            }

            source.CopyTo(Memory.AsSpan((int)(address - MemoryAddress)));
        }

        return Error;
    }

    public MemoryLease Lease(int function, ulong address, int wanted, DmaAccess access) => default;

    public bool TryResolve(int function, ulong address, ulong size, List<HostMapping> parts) => false;

    public bool HidesMemory { get; set; }

    public void SendMsi(int function, int vector) => Log($"MSI {function}.{vector}");

    public void SendMsix(int function, int vector) => Log($"MSI-X {function}.{vector}");

    public void SendIntx(int function, bool asserted) => Log($"INTx {function} {(asserted ? "asserted" : "deasserted")}");

    public void SendError(int function, ErrorMessage error) => Log($"ERR {function} {error}");

    public bool InboundChanging(int function, int bar)
    {
        DuringWait?.Invoke();
        Log($"changing {function}.{bar}");
        return !HoldsBars;
    }

    public void InboundChanged(int function, int bar) => Log($"changed {function}.{bar}");

    private bool Inside(ulong address, int length) =>
        address >= MemoryAddress && address - MemoryAddress <= (ulong)(Memory.Length - length);

    private void Log(string what)
    {
        lock (_log)
        {
            _log.Add(what);
        }
    }
}
