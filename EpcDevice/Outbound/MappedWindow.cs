using System.Buffers.Binary;
using System.Security.Cryptography;
using EpfTest.EpcDevice.Link;
using EpfTest.EpcDevice.Registers;
using EpfTest.Protocol.VhostUser;
using Microsoft.Extensions.Logging;

namespace EpfTest.EpcDevice.Outbound;

/// <summary>
/// The mapped window: a second outbound window, in which the EP guest's processors reach host memory without a trap,
/// because QEMU has mapped it there.
/// </summary>
/// <remarks>
/// The mappings follow from the committed translations, the window's ENABLE, the link's state, each function's bus
/// mastering and the host memory that the bridge has passed. A change of one of these requests a reconciliation, which
/// has QEMU change the mappings.
/// </remarks>
internal sealed class MappedWindow : IWindowDevice, IDisposable
{
    /// <summary>QEMU maps whole pages.</summary>
    public const ulong PageSize = 4096;

    private readonly LinkTraining _link;
    private readonly IHostLink _host;
    private readonly OutboundTable _table;
    private readonly Reconciler _reconciler;
    private readonly WindowMappings _mappings;
    private readonly ILogger _logger;
    private readonly byte[] _config = new byte[sizeof(ulong)];
    private volatile WindowSession _session = new(null);
    private volatile bool _enabled;
    private bool _wasUnshared;

    /// <summary>A window in which nothing is mapped; without a size there is none.</summary>
    public MappedWindow(
        ulong size,
        LinkTraining link,
        IHostLink host,
        OutboundTable table,
        Reconciler reconciler,
        ILogger logger)
    {
        Size = size;
        _link = link;
        _host = host;
        _table = table;
        _reconciler = reconciler;
        _mappings = new WindowMappings(logger);
        _logger = logger;
        RandomNumberGenerator.Fill(_config);
        if (size > 0)
        {
            reconciler.Start(Reconcile);
        }
    }

    /// <inheritdoc/>
    public ulong Size { get; }

    /// <inheritdoc/>
    public ReadOnlySpan<byte> Config => _config;

    /// <summary>The number, also the device's configuration, by which a driver finds its controller's window.</summary>
    public ulong Id => Size > 0 ? BinaryPrimitives.ReadUInt64LittleEndian(_config) : 0;

    /// <summary>WINDOW_CONTROL's ENABLE; clearing it unmaps everything and keeps the translations.</summary>
    public bool Enabled
    {
        get => _enabled;
        set
        {
            if (_enabled != value)
            {
                _enabled = value;
                Reconcile();
            }
        }
    }

    /// <summary>WINDOW_STATUS. Read by the thread that serves the EP guest.</summary>
    public uint Status
    {
        get
        {
            bool isUnshared = _host.SharesNoMemory;
            if (isUnshared && !_wasUnshared && Size > 0)
            {
                _logger.LogWarning(
                    "the mapped window cannot show the host's memory, so processors of the EP guest use the trapped"
                    + " window, which is far slower; give the host's QEMU -object memory-backend-memfd,share=on without"
                    + " hugetlb=on, and both processes --datapath direct");
            }

            _wasUnshared = isUnshared;
            return Field.Put(EpcRegister.WindowStatusUnshared, isUnshared)
                | Field.Put(EpcRegister.WindowStatusReady, _session.Backend is not null)
                | Field.Put(EpcRegister.WindowStatusBusy, _reconciler.IsBusy);
        }
    }

    /// <summary>Requests a reconciliation.</summary>
    public void Reconcile() => AfterReconcile(static () => { });

    /// <summary>
    /// Calls <paramref name="then"/> when the window shows what it should: at once where nothing is mapped, else by the
    /// reconciler's thread. What was taken away before this call is then out of the EP guest's reach.
    /// </summary>
    public void AfterReconcile(Action then)
    {
        // In this order: a commit that follows the first test is reconciled with what stands now.
        if (Size == 0 || (!_table.HasMapped && !_reconciler.IsBusy && _mappings.IsEmpty))
        {
            then();
        }
        else
        {
            _reconciler.Request(then);
        }
    }

    /// <summary>Whether a translation could be mapped now.</summary>
    public CommitResult Check(in OutboundTranslation translation)
    {
        if (_session.Backend is null || !_enabled)
        {
            return CommitResult.NotMappable;
        }

        if (!_link.IsUp)
        {
            return CommitResult.LinkDown;
        }

        List<HostMapping>? parts = Resolve(translation);
        parts?.ForEach(static part => part.File.Dispose());
        return parts is null ? CommitResult.NotMappable : CommitResult.Ok;
    }

    /// <inheritdoc/>
    void IWindowDevice.Started(IWindowBackend backend) => Begin(new WindowSession(backend));

    /// <inheritdoc/>
    void IWindowDevice.Stopped() => Begin(new WindowSession(null));

    /// <summary>Ends the reconciler. What QEMU has mapped stays.</summary>
    public void Dispose()
    {
        _reconciler.Dispose();
        _mappings.Dispose();
    }

    private void Begin(WindowSession session)
    {
        _session = session;
        _reconciler.Request();
    }

    private bool? Reconcile(long request)
    {
        WindowSession session = _session;
        HashSet<int> failed = [];
        List<WindowMappings.DesiredMapping> desired = session.Backend is null || !_enabled ? [] : Desired(failed);
        bool settled = _mappings.Reconcile(session, desired, failed);
        if (!settled && _session != session)
        {
            // The device has been reset meanwhile: the next round, already requested, finds nothing mapped.
            return null;
        }

        _table.Complete(request, settled, failed);
        return settled;
    }

    private List<WindowMappings.DesiredMapping> Desired(HashSet<int> failed)
    {
        List<WindowMappings.DesiredMapping> desired = [];
        foreach ((int index, OutboundTranslation translation) in _table.Mapped())
        {
            if (Resolve(translation) is not { } parts)
            {
                failed.Add(index);
                continue;
            }

            bool isAllowed = translation.Function.MaySend;
            ulong offset = translation.Offset;
            foreach (HostMapping part in parts)
            {
                if (isAllowed)
                {
                    desired.Add(new(new(offset, part.Size, part.Identity, part.FileOffset), part.File, index));
                }
                else
                {
                    part.File.Dispose();
                }

                offset += part.Size;
            }
        }

        return desired;
    }

    /// <summary>The files that a translation leads to, in whole pages; null where it cannot be mapped.</summary>
    private static List<HostMapping>? Resolve(in OutboundTranslation translation)
    {
        List<HostMapping> parts = [];
        if (translation.Function.TryResolve(translation.Address, translation.Size, parts)
            && parts.TrueForAll(static part => (part.Size | part.FileOffset) % PageSize == 0))
        {
            return parts;
        }

        parts.ForEach(static part => part.File.Dispose());
        return null;
    }
}
