using EpfTest.EpcDevice.Functions;
using EpfTest.EpcDevice.Guest;
using EpfTest.EpcDevice.Link;
using EpfTest.EpcDevice.Registers;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.ConfigurationSpace;
using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.EpcDevice;

/// <content>What comes from the host.</content>
internal sealed partial class EpcController : IEndpoint
{
    /// <inheritdoc/>
    public int FunctionCount => _functions.Length;

    /// <inheritdoc/>
    public void HostPresenceChanged(bool present)
    {
        lock (_lock)
        {
            if (_link.PerstAsserted != present)
            {
                return;
            }

            _link.PerstAsserted = !present;
            if (present)
            {
                _events.Raise(EpcRegister.EventPerstDeasserted);
                return;
            }

            _link.Enabled = false;
            ForgetHost();
            _events.Raise(EpcRegister.EventPerstAsserted);
        }

        _mapped.Follow();
    }

    /// <inheritdoc/>
    public void WhenWindowFollows(Action then) => _mapped.Follow(then);

    /// <inheritdoc/>
    public void LinkChanged(bool up)
    {
        lock (_lock)
        {
            if (up && _link.Trained && !_link.Up)
            {
                _link.Up = true;
                _events.Raise(EpcRegister.EventLinkUp);
            }
            else if (!up && _link.Up)
            {
                LowerLink();
                foreach (FunctionBlock function in _functions)
                {
                    function.ResetByLink(ResetKind.Hot);
                }
            }
        }

        _mapped.Follow();
    }

    /// <inheritdoc/>
    public bool Exists(int function) => _functions[function].IsVisible;

    /// <inheritdoc/>
    public int BarGeneration(int function) => _functions[function].BarGeneration;

    /// <inheritdoc/>
    public FunctionDescription? Describe(int function) => _functions[function].Describe();

    /// <inheritdoc/>
    public (int MaxPayload, int MaxReadRequest) TransferLimits(int function) => _functions[function].TransferLimits();

    /// <inheritdoc/>
    public uint ReadConfig(int function, int offset) => _functions[function].ReadConfig(offset);

    /// <inheritdoc/>
    public void WriteConfig(int function, int offset, uint value, byte byteEnables) =>
        _functions[function].WriteConfig(offset, value, byteEnables);

    /// <inheritdoc/>
    public bool TryDecode(int function, ulong address, bool io, out int bar, out ulong offset) =>
        _functions[function].TryDecode(address, io, out bar, out offset);

    /// <inheritdoc/>
    public bool WaitsForGuest(int function, int bar, ulong offset, int length) =>
        _functions[function].WaitsForGuest(bar, offset, length);

    /// <inheritdoc/>
    public RequestStatus ReadBar(int function, int bar, ulong offset, Span<byte> destination) =>
        _functions[function].ReadBar(bar, offset, destination);

    /// <inheritdoc/>
    public bool HasPendingPostedWrites => _guest.Client?.HasPendingPostedWrites ?? false;

    /// <inheritdoc/>
    public bool DrainPostedWrites() => _guest.Client?.DrainPostedWrites() ?? true;

    /// <inheritdoc/>
    public RequestStatus WriteBar(int function, int bar, ulong offset, ReadOnlySpan<byte> source) =>
        _functions[function].WriteBar(bar, offset, source);

    /// <inheritdoc/>
    public IReadOnlyList<InboundMapping> ResolveInbound(int function, int bar) =>
        _functions[function].ResolveInbound(bar);

    /// <inheritdoc/>
    public void RequestFailed(int function, in TlpHeader request, UncorrectableError error) =>
        _functions[function].RecordFailure(request, error);

    /// <inheritdoc/>
    public void HostKeepsBars() => _fail(
        "the endpoint has gone, but the host's QEMU still has its BARs mapped to memory of the EP guest (--map-bars): "
        + "remove the device from the host (device_del), or end that guest, before the endpoint stops");

    /// <inheritdoc/>
    public void ResetFunction(int function, ResetKind kind) => _functions[function].ResetByHost(kind);

    /// <summary>The host side is gone, or has let go: functions may change again.</summary>
    private void ForgetHost()
    {
        _link.Trained = false;
        if (_link.Up)
        {
            LowerLink();
        }

        foreach (FunctionBlock function in _functions)
        {
            function.Disassemble();
        }
    }

    private void LowerLink()
    {
        _link.Up = false;
        _events.Raise(EpcRegister.EventLinkDown);
    }
}
