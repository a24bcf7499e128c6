using EpfTest.EpcDevice.Guest;
using EpfTest.EpcDevice.Link;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.ConfigurationSpace;
using EpfTest.Protocol.Pcie.Tlp;
using Microsoft.Extensions.Logging;

namespace EpfTest.EpcDevice.Functions;

/// <summary>
/// A function of the endpoint. It is present once the EP guest has committed its header, and visible to the host while
/// the link is trained.
/// </summary>
/// <remarks>
/// <para>The pieces (header, BARs, MSI, MSI-X) may be committed in any order while the link is down. <see cref="Show"/>
/// builds the configuration space from them; until <see cref="Hide"/> a commit may change translations, but nothing
/// that the host has read.</para>
/// <para>The thread that serves the EP guest owns the staged registers, and only it commits: what a commit has checked
/// still holds when it is applied. The committed pieces, the configuration space and the interrupts' state are guarded
/// by the controller's lock, because the link's receiving thread uses them too. Accesses take no lock: they use what
/// was published for all threads, the BAR decoder, the inbound maps, the MSI target and whether the function is a bus
/// master. The port is never used with the lock held.</para>
/// </remarks>
internal sealed class EndpointFunction : IFunction
{
    private readonly FunctionContext _context;
    private readonly BarSet _bars;
    private readonly FunctionConfiguration _configuration;
    private readonly FunctionErrors _errors;
    private readonly FailedRequests _failures;

    /// <summary>A function out of reset.</summary>
    /// <param name="id">Its number, which is also its register block's.</param>
    /// <param name="controllerLock">Guards what more than one thread uses.</param>
    /// <param name="link">State of the link.</param>
    /// <param name="events">Receives the function's events.</param>
    /// <param name="guest">Target of inbound translations.</param>
    /// <param name="inboundGate">Entered by accesses through inbound translations.</param>
    /// <param name="logger">Gets the reason why the function keeps the link down, and failed requests.</param>
    public EndpointFunction(
        FunctionId id,
        Lock controllerLock,
        LinkTraining link,
        GlobalEvents events,
        GuestBus guest,
        AccessGate inboundGate,
        ILogger logger)
    {
        _context = new FunctionContext(id, controllerLock, link);
        _bars = new BarSet(_context, guest, inboundGate);
        _errors = new FunctionErrors(_context);
        var interrupts = new InterruptSource(_context);
        var functionEvents = new FunctionEvents(id, events);
        _configuration = new FunctionConfiguration(_context, _bars, interrupts, functionEvents, logger);
        Registers = new FunctionRegisters(_context, _configuration, _bars, interrupts, functionEvents);
        _failures = new FailedRequests(id, logger);
        Requester = new FunctionRequester(_context, interrupts, _errors, _failures);
    }

    public FunctionRegisters Registers { get; }

    /// <summary>The function as requester.</summary>
    public FunctionRequester Requester { get; }

    /// <inheritdoc cref="FunctionContext.Port"/>
    public IFunctionPort Port
    {
        get => _context.Port;
        set => _context.Port = value;
    }

    /// <summary>Whether the EP guest has committed a header.</summary>
    public bool IsPresent => _configuration.Header is not null;

    public FunctionId Id => _context.Id;

    public bool IsVisible => _context.Config is not null;

    public int BarGeneration => _bars.Generation;

    /// <inheritdoc cref="FunctionConfiguration.Show"/>
    public bool Show(bool multiFunction) => _configuration.Show(multiFunction);

    /// <inheritdoc cref="FunctionConfiguration.Hide"/>
    public void Hide() => _configuration.Hide();

    /// <inheritdoc cref="BarSet.LeadsInto"/>
    public bool LeadsInto(int bar, ulong address, ulong size) => _bars.LeadsInto(bar, address, size);

    public FunctionDescription? Describe() => _configuration.Describe();

    public (int MaxPayload, int MaxReadRequest, bool ExtendedTags) TransferLimits() => _configuration.TransferLimits();

    public uint ReadConfig(int offset) => _configuration.Read(offset);

    public void WriteConfig(int offset, uint value, byte byteEnables) =>
        _configuration.Write(offset, value, byteEnables);

    public bool TryDecode(ulong address, bool io, out int bar, out ulong offset) =>
        _bars.TryDecode(address, io, out bar, out offset);

    public bool IsPrivate(int bar, ulong offset, int length) => _bars.IsPrivate(bar, offset, length);

    public RequestStatus ReadBar(int bar, ulong offset, Span<byte> destination) =>
        _bars.Read(bar, offset, destination);

    public RequestStatus WriteBar(int bar, ulong offset, ReadOnlySpan<byte> source) =>
        _bars.Write(bar, offset, source);

    public IReadOnlyList<InboundMapping> ResolveInbound(int bar) => _bars.ResolveInbound(bar);

    public void RecordFailure(in TlpHeader request, UncorrectableError error) => _errors.Record(request, error);

    public void RecordFailedWrite(ulong address, RequestStatus status) =>
        Requester.Record(DmaAccess.Write, address, status);

    public void LogFailedRequests() => _failures.LogCounts();

    public void ResetByHost(ResetKind kind) => _configuration.ResetByHost(kind);
}
