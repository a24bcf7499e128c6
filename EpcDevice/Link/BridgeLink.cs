using EpfTest.EpcDevice.Guest;
using EpfTest.Protocol.Hosting;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Link.Messages;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.ConfigurationSpace;
using EpfTest.Protocol.Pcie.Tlp;
using Microsoft.Extensions.Logging;

namespace EpfTest.EpcDevice.Link;

/// <summary>
/// The controller's end of the link: listens for an EpfBridge, has its TLPs carried out by the endpoint, and takes the
/// endpoint's own requests to the host.
/// </summary>
/// <remarks>
/// One thread accepts and receives; it hands to a function's slow path what takes the EP guest's QEMU. With the direct path,
/// host memory that the bridge passed is reached without the bridge. What the host's QEMU does not share is reached by
/// TLPs on either path, and a write to that awaits a read of nothing (a flush): the host could see what the EP guest does
/// next.
/// </remarks>
internal sealed partial class BridgeLink : IHostLink, ILinkHandler, IDisposable
{
    private const int ReadCompletionBoundary = 64;
    private const int BarCount = PciRegister.BaseAddressCount;

    [ThreadStatic]
    private static byte[]? s_data;

    private readonly IEndpoint _endpoint;
    private readonly UnixListener _listener;
    private readonly LinkCapabilities _capabilities;
    private readonly LinkTimeouts _timeouts;
    private readonly ILogger _logger;
    private readonly FunctionHostMemory[] _memory;
    private readonly HostInterrupts[] _interrupts;
    private readonly SlowPath?[] _slowPaths;
    private readonly WaitCircle _circle;
    private readonly BurstLog _failures;

    // What the bridge knows of the BARs.
    private readonly Lock _barsLock = new();
    private readonly BarAddressMessage[][] _barsSent;
    private readonly int[] _barGenerations;

    // What the host's QEMU has mapped, as the bridge says.
    private readonly bool[][] _mappedBars;
    private readonly Thread _thread;
    private readonly CancellationTokenSource _stopping = new();
    private volatile LinkConnection? _connection;

    // The connection that was told to come up, until it is told otherwise or ends.
    private volatile LinkConnection? _up;

    /// <summary>Listens at <paramref name="path"/>.</summary>
    /// <exception cref="LinuxException">The socket cannot be made there.</exception>
    /// <param name="endpoint">What carries out the host's requests.</param>
    /// <param name="path">Where the socket is made.</param>
    /// <param name="capabilities">What this side offers.</param>
    /// <param name="timeouts">How long the bridge is waited for.</param>
    /// <param name="peers">Which users' bridges are accepted.</param>
    /// <param name="logger">Told what happens.</param>
    public BridgeLink(
        IEndpoint endpoint,
        string path,
        LinkCapabilities capabilities,
        LinkTimeouts timeouts,
        PeerPolicy peers,
        ILogger logger)
    {
        _endpoint = endpoint;
        _capabilities = capabilities;
        _timeouts = timeouts;
        _logger = logger;
        _memory = [.. Enumerable.Range(0, endpoint.FunctionCount).Select(function => new FunctionHostMemory(this, function))];
        _interrupts = [.. _memory.Select(static _ => new HostInterrupts())];
        _slowPaths = new SlowPath?[endpoint.FunctionCount];
        _circle = new WaitCircle(GiveWay);
        _failures = new BurstLog(logger);
        _barsSent = [.. Enumerable.Range(0, endpoint.FunctionCount).Select(_ => new BarAddressMessage[BarCount])];
        _barGenerations = new int[endpoint.FunctionCount];
        _mappedBars = [.. Enumerable.Range(0, endpoint.FunctionCount).Select(_ => new bool[BarCount])];
        _listener = UnixListener.Listen(path, peers, logger);
        _thread = new Thread(Run) { IsBackground = true, Name = "link" };
    }

    /// <summary>Starts to accept bridges; the endpoint is ready.</summary>
    public void Start() => _thread.Start();

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_stopping.IsCancellationRequested)
        {
            return;
        }

        _stopping.Cancel();
        _listener.Stop();
        _connection?.Shutdown();
        if (_thread.IsAlive)
        {
            _thread.Join();
        }

        _listener.Dispose();
        foreach (FunctionHostMemory memory in _memory)
        {
            memory.Dispose();
        }

        _stopping.Dispose();
    }

    /// <inheritdoc/>
    public void SetLink(bool up)
    {
        LinkConnection? connection = _connection;
        if (connection is null)
        {
            return;
        }

        if (up)
        {
            for (int function = 0; function < _endpoint.FunctionCount; function++)
            {
                SendFunction(connection, function);
                for (int bar = 0; bar < BarCount; bar++)
                {
                    InboundChanged(function, bar);
                }
            }

            _up = connection;
            Span<byte> order = stackalloc byte[OrderMessage.Length];
            OrderMessage.Write(order, _endpoint.FunctionCount);
            if (!connection.Order(FrameKind.LinkUp, 0, order))
            {
                _up = null;
            }
        }
        else
        {
            Span<byte> order = stackalloc byte[OrderMessage.Length];
            OrderMessage.Write(order, 0);
            _up = null;

            // It is carried out when the host's accesses have ended.
            _circle.GuestWaits = true;
            _circle.BeginRequest();
            connection.Order(FrameKind.LinkDown, 0, order);
            _circle.EndRequest();
            _circle.GuestWaits = false;
            ForgetHost();
            CancelRequests(connection);
            ReportMappedBars();
        }

        _endpoint.LinkChanged(_up is not null);
    }

    /// <inheritdoc/>
    public bool GuestWaits
    {
        set => _circle.GuestWaits = value;
    }

    /// <inheritdoc/>
    public void SetBusMaster(int function, bool enabled) => _memory[function].SetBusMaster(enabled);

    /// <inheritdoc/>
    public RequestStatus Read(int function, ulong address, Span<byte> destination) =>
        _up is { } connection
            ? _memory[function].Read(connection, address, destination)
            : RequestStatus.LinkDown;

    /// <inheritdoc/>
    public bool ReadsAhead => _up is { } connection && (connection.Capabilities & LinkCapabilities.Direct) == 0;

    /// <inheritdoc/>
    public PendingRead BeginRead(int function, ulong address, ref int length, IReadTarget target) =>
        _up is { } connection
            ? _memory[function].BeginRead(connection, address, ref length, target)
            : PendingRead.Failed(RequestStatus.LinkDown);

    /// <inheritdoc/>
    public RequestStatus Write(int function, ulong address, ReadOnlySpan<byte> source) =>
        _up is { } connection
            ? _memory[function].Write(connection, address, source)
            : RequestStatus.LinkDown;

    /// <inheritdoc/>
    public MemoryLease Lease(int function, ulong address, int wanted, DmaAccess access) =>
        _up is { } connection ? _memory[function].Lease(connection, address, wanted, access) : default;

    /// <inheritdoc/>
    public bool TryResolve(int function, ulong address, ulong size, List<HostMapping> parts) =>
        _up is { } connection
        && (connection.Capabilities & LinkCapabilities.Direct) != 0
        && _memory[function].TryResolve(address, size, parts);

    /// <inheritdoc/>
    public bool HidesMemory => _up is { } connection
        && ((connection.Capabilities & LinkCapabilities.Direct) == 0 || FunctionHostMemory.AreHidden(_memory));

    /// <inheritdoc/>
    public void SendMsi(int function, int vector) => SendInterrupt(function, isMsix: false, vector);

    /// <inheritdoc/>
    public void SendMsix(int function, int vector) => SendInterrupt(function, isMsix: true, vector);

    /// <inheritdoc/>
    public void SendIntx(int function, bool asserted)
    {
        int pin = Math.Max((_endpoint.Describe(function)?.InterruptPin ?? 1) - 1, 0);
        MessageCode code = (asserted ? MessageCode.Assert_INTA : MessageCode.Deassert_INTA) + (byte)pin;
        Send(function, TlpHeader.Message(code, BdfOf(function)));
    }

    /// <inheritdoc/>
    public void SendError(int function, ErrorMessage error)
    {
        MessageCode code = error switch
        {
            ErrorMessage.Correctable => MessageCode.ERR_COR,
            ErrorMessage.NonFatal => MessageCode.ERR_NONFATAL,
            _ => MessageCode.ERR_FATAL,
        };
        Send(function, TlpHeader.Message(code, BdfOf(function)));
    }

    /// <inheritdoc/>
    public bool InboundChanging(int function, int bar)
    {
        if (_connection is { } connection && connection.Capabilities.HasFlag(LinkCapabilities.Direct))
        {
            Span<byte> order = stackalloc byte[OrderMessage.Length];
            OrderMessage.Write(order, bar);
            connection.Order(FrameKind.InboundInvalidate, (ushort)function, order);
        }

        // Said before the order was acknowledged, if it is so.
        return !Volatile.Read(ref _mappedBars[function][bar]);
    }

    /// <inheritdoc/>
    public void InboundChanged(int function, int bar)
    {
        // The bridge knows a function from its FUNCTION frame, which goes out when the link comes up.
        if (_connection is not { } connection || !_endpoint.Exists(function))
        {
            return;
        }

        SendBars(connection, (ushort)function);
        if (!connection.Capabilities.HasFlag(LinkCapabilities.Direct))
        {
            return;
        }

        Span<byte> message = stackalloc byte[InboundAddMessage.Length];
        foreach (InboundMapping mapping in _endpoint.ResolveInbound(function, bar))
        {
            new InboundAddMessage(bar, mapping.Access, mapping.BarOffset, mapping.Size, mapping.FileOffset).Write(message);
            connection.SendControl(FrameKind.InboundAdd, (ushort)function, message, mapping.File.Descriptor);
        }
    }

    /// <summary>Where the data of a read is put together: one for each thread that carries out the host's requests.</summary>
    private static byte[] Data => s_data ??= new byte[TlpLimits.MaxPayload];

    internal RequestStatus ReadByTlp(int function, ulong address, Span<byte> destination) =>
        _connection?.Requester.ReadMemory(
            (ushort)function,
            BdfOf(function),
            address,
            destination,
            _endpoint.TransferLimits(function).MaxReadRequest) ?? RequestStatus.LinkDown;

    /// <summary>The same, with the data put where it belongs as it comes.</summary>
    internal PendingRead BeginReadByTlp(int function, ulong address, ref int length, IReadTarget target) =>
        _connection?.Requester.BeginRead(
            (ushort)function,
            BdfOf(function),
            address,
            ref length,
            target,
            _endpoint.TransferLimits(function).MaxReadRequest) ?? PendingRead.Failed(RequestStatus.LinkDown);

    /// <summary>A read of memory that the host's QEMU does not share.</summary>
    internal RequestStatus ReadByQemu(int function, ulong address, Span<byte> destination)
    {
        _circle.BeginRequest();
        try
        {
            return ReadByTlp(function, address, destination);
        }
        finally
        {
            _circle.EndRequest();
        }
    }

    internal RequestStatus WriteByTlp(int function, ulong address, ReadOnlySpan<byte> source) =>
        _connection?.Requester.WriteMemory(
            (ushort)function, BdfOf(function), address, source, _endpoint.TransferLimits(function).MaxPayload)
        ?? RequestStatus.LinkDown;

    /// <summary>Bus 1, as the one endpoint below a root port; a device for each eight functions.</summary>
    private static Bdf BdfOf(int function) => new(1, function / 8, function % 8);

    private static void SendFunction(LinkConnection connection, FunctionDescription? function, int number)
    {
        BarMessage[] bars = new BarMessage[BarCount];
        for (int bar = 0; function is not null && bar < bars.Length; bar++)
        {
            if (function.Bars[bar] is { } spec)
            {
                bars[bar] = new BarMessage(spec.Size, function.BarAddresses[bar], spec.Flags);
            }
        }

        var message = new FunctionMessage(
            function is not null,
            (byte)(function?.InterruptPin ?? 0),
            (ushort)(function?.MsiVectors ?? 0),
            (ushort)(function?.MsixVectors ?? 0),
            bars);
        Span<byte> payload = stackalloc byte[FunctionMessage.Length];
        message.Write(payload);
        connection.SendControl(FrameKind.Function, (ushort)number, payload);
    }

    private void SendFunction(LinkConnection connection, int function)
    {
        SendFunction(connection, _endpoint.Describe(function), function);
        Array.Clear(_barsSent[function]);
        _barGenerations[function] = 0;
    }

    private void SendInterrupt(int function, bool isMsix, int vector)
    {
        // What is written before it has been written: memory of the host that is shared at once, else awaited.
        if (_up is null || !_interrupts[function].TrySignal(isMsix, vector))
        {
            Send(function, InterruptMessage.Create(BdfOf(function), isMsix, vector));
        }
    }

    private void Send(int function, in TlpHeader message) =>
        _up?.Requester.SendMessage((ushort)function, message);

    private void Run()
    {
        var refusals = new RefusalLog(_logger);
        _listener.ServeEach(socket => Serve(socket, refusals));
    }

    /// <summary>Speaks to a bridge until the link ends. For one thread at a time, the link's own.</summary>
    internal void Serve(UnixSocket socket, RefusalLog refusals, LinkTimeouts? timeouts = null)
    {
        if (LinkConnection.Open(
            socket, LinkRole.Endpoint, _capabilities, this, _logger, timeouts ?? _timeouts, refusals, _stopping.Token)
            is { } connection)
        {
            Serve(connection);
        }
    }

    private void Serve(LinkConnection connection)
    {
        _logger.LogInformation("bridge connected ({Capabilities})", connection.Capabilities);
        _connection = connection;
        if (!_stopping.IsCancellationRequested)
        {
            _endpoint.HostPresenceChanged(true);
            connection.Run();
        }

        _up = null;
        _connection = null;
        _endpoint.HostPresenceChanged(false);
        ForgetHost();
        foreach (SlowPath? slowPath in _slowPaths)
        {
            slowPath?.Dispose();
        }

        Array.Clear(_slowPaths);
        ReportMappedBars();
        connection.Dispose();
        _logger.LogInformation("bridge disconnected");
    }

    /// <summary>The host has no endpoint any more: nothing of it may be mapped there.</summary>
    private void ReportMappedBars()
    {
        if (_mappedBars.Any(static bars => bars.Contains(true)))
        {
            _endpoint.HostKeepsBars();
        }
    }

    private void ForgetHost()
    {
        foreach (FunctionHostMemory memory in _memory)
        {
            memory.UnmapAll();
        }

        foreach (HostInterrupts interrupts in _interrupts)
        {
            interrupts.ForgetAll();
        }
    }
}
