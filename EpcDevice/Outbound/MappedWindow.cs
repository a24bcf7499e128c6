using System.Buffers.Binary;
using System.Security.Cryptography;
using EpfTest.EpcDevice.Functions;
using EpfTest.EpcDevice.Link;
using EpfTest.EpcDevice.Registers;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.VhostUser;
using Microsoft.Extensions.Logging;

namespace EpfTest.EpcDevice.Outbound;

/// <summary>
/// The mapped window: a second outbound window, in which the EP guest's processors reach the host's memory without a
/// trap, since QEMU has it mapped there.
/// </summary>
/// <remarks>
/// <para>What is mapped follows from what stands elsewhere: the translations that the EP guest has committed, whether the
/// link is up and the function may issue requests, and the host memory that the bridge has passed. Whoever changes one
/// of these asks for a reconciliation; a thread of its own compares what should be with what is, and has QEMU change
/// it. QEMU does that in its main loop, which the EP guest's access to a register holds up: so only that thread ever waits
/// for it, and everybody else is called back.</para>
/// <para>The lock is for a few instructions, and nothing else is locked or called under it.</para>
/// </remarks>
internal sealed class MappedWindow : IWindowDevice, IDisposable
{
    /// <summary>What can be mapped is whole pages.</summary>
    public const ulong PageSize = 4096;

    private readonly LinkTraining _link;
    private readonly IHostLink _host;
    private readonly EndpointFunction[] _functions;
    private readonly Action _changed;
    private readonly ILogger _logger;
    private readonly byte[] _config = new byte[sizeof(ulong)];
    private readonly Lock _lock = new();
    private readonly Slot[] _slots = new Slot[EpcLimits.Outbounds];
    private readonly List<(long Request, Action Then)> _waiting = [];
    private readonly SemaphoreSlim _wake = new(0);
    private readonly Thread? _thread;

    // Under the lock.
    private IWindowBackend? _backend;
    private bool _enabled;
    private bool _unattended;
    private bool _stopping;
    private long _requested;
    private long _done;
    private int _committed;
    private int _mappings;

    // The thread's own: what QEMU has mapped, and for which start of the device.
    private readonly Dictionary<Mapping, FileDescriptor> _actual = [];
    private int _starts;
    private int _actualStart;

    /// <summary>A window in which nothing is mapped.</summary>
    /// <param name="size">Bytes; 0 for no window.</param>
    /// <param name="link">State of the link.</param>
    /// <param name="host">The host.</param>
    /// <param name="functions">The functions.</param>
    /// <param name="changed">Called, with no lock held, when a result or <see cref="Status"/> has changed.</param>
    /// <param name="logger">Told what goes wrong.</param>
    public MappedWindow(ulong size, LinkTraining link, IHostLink host, EndpointFunction[] functions, Action changed, ILogger logger)
    {
        Size = size;
        _link = link;
        _host = host;
        _functions = functions;
        _changed = changed;
        _logger = logger;
        RandomNumberGenerator.Fill(_config);
        if (size > 0)
        {
            _thread = new Thread(Run) { IsBackground = true, Name = "window" };
            _thread.Start();
        }
    }

    /// <inheritdoc/>
    public ulong Size { get; }

    /// <inheritdoc/>
    public ReadOnlySpan<byte> Config => _config;

    /// <summary>What tells the driver that a window is this controller's: it is also the device's configuration.</summary>
    public ulong Id => Size > 0 ? BinaryPrimitives.ReadUInt64LittleEndian(_config) : 0;

    /// <summary>WINDOW_CONTROL's ENABLE; clearing it takes every mapping away, and keeps translations.</summary>
    public bool Enabled
    {
        get
        {
            lock (_lock)
            {
                return _enabled;
            }
        }

        set
        {
            lock (_lock)
            {
                if (_enabled == value)
                {
                    return;
                }

                _enabled = value;
            }

            Follow();
        }
    }

    /// <summary>WINDOW_STATUS.</summary>
    public uint Status
    {
        get
        {
            uint status = Field.Put(EpcRegister.WindowStatusUnshared, _host.SharesNoMemory);
            lock (_lock)
            {
                return status
                    | Field.Put(EpcRegister.WindowStatusReady, _backend is not null)
                    | Field.Put(EpcRegister.WindowStatusBusy, _done < _requested);
            }
        }
    }

    /// <summary>The EP guest sets or removes (null) a translation; <see cref="Result"/> says what comes of it.</summary>
    /// <param name="index">Its number.</param>
    /// <param name="translation">It is inside the window, in whole pages, and overlaps no other.</param>
    public void Commit(int index, OutboundTranslation? translation)
    {
        lock (_lock)
        {
            ref Slot slot = ref _slots[index];
            _committed += (translation is null ? 0 : 1) - (slot.Wanted is null ? 0 : 1);
            slot.Wanted = translation;
            slot.Result = CommitResult.Pending;
            slot.Request = ++_requested;
            Wake();
        }
    }

    /// <summary>What the last commit of a translation came to; where it failed, there is no translation any more.</summary>
    public CommitResult Result(int index)
    {
        lock (_lock)
        {
            return _slots[index].Result;
        }
    }

    /// <summary>Tells the driver, which awaits the interrupt, that a result has been there at once.</summary>
    public void Announce() => _changed();

    /// <summary>Whether a translation could be mapped as the host's memory is now.</summary>
    public CommitResult Check(in OutboundTranslation translation)
    {
        lock (_lock)
        {
            if (_backend is null || !_enabled)
            {
                return CommitResult.NotMappable;
            }
        }

        if (!_link.IsUp)
        {
            return CommitResult.LinkDown;
        }

        var parts = new List<HostMapping>();
        bool mappable = Resolve(translation, parts);
        parts.ForEach(part => part.File.Dispose());
        return mappable ? CommitResult.Ok : CommitResult.NotMappable;
    }

    /// <summary>Removes every translation; the EP guest is reset or gone.</summary>
    public void Reset()
    {
        lock (_lock)
        {
            Array.Clear(_slots);
            _committed = 0;
            _enabled = false;
        }

        Follow();
    }

    /// <summary>
    /// Calls <paramref name="then"/> when the window shows what stands now: at once where nothing is mapped, else from the
    /// window's thread. What has been taken away before this call is then out of the EP guest's reach.
    /// </summary>
    public void Follow(Action? then = null)
    {
        bool now;
        lock (_lock)
        {
            // Without translations and mappings there is nothing to change, and nothing under way.
            bool idle = Size == 0 || (_committed == 0 && _mappings == 0 && _done == _requested);
            now = idle || _unattended || _stopping;
            if (!idle)
            {
                _requested++;
                if (!now && then is not null)
                {
                    _waiting.Add((_requested, then));
                }

                Wake();
            }
        }

        if (now)
        {
            then?.Invoke();
        }
    }

    /// <summary>
    /// While the EP guest itself takes the link down, by an access that holds QEMU up, nobody is made to wait for QEMU.
    /// The driver has disabled the window before; where it has not, what is mapped goes right afterwards.
    /// </summary>
    public void SetUnattended(bool unattended)
    {
        List<Action> then = [];
        lock (_lock)
        {
            _unattended = unattended;
            if (unattended)
            {
                then.AddRange(_waiting.Select(static waiting => waiting.Then));
                _waiting.Clear();
            }
        }

        then.ForEach(static action => action());
    }

    /// <inheritdoc/>
    void IWindowDevice.Started(IWindowBackend backend)
    {
        lock (_lock)
        {
            _backend = backend;
            _starts++;
            _requested++;
            Wake();
        }
    }

    /// <inheritdoc/>
    void IWindowDevice.Stopped()
    {
        lock (_lock)
        {
            // QEMU takes its mappings away itself.
            _backend = null;
            _starts++;
            _requested++;
            Wake();
        }
    }

    /// <summary>Ends the thread. What QEMU has mapped stays.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_stopping)
            {
                return;
            }

            _stopping = true;
            _wake.Release();
        }

        _thread?.Join();
        Forget();
        _wake.Dispose();
    }

    private void Wake()
    {
        if (!_stopping)
        {
            _wake.Release();
        }
    }

    private void Run()
    {
        while (true)
        {
            _wake.Wait();
            long target;
            IWindowBackend? backend;
            int start;
            (int Index, OutboundTranslation Translation)[] wanted;
            lock (_lock)
            {
                if (_stopping)
                {
                    return;
                }

                if (_done == _requested)
                {
                    continue;
                }

                target = _requested;
                backend = _backend;
                start = _starts;
                wanted = backend is null || !_enabled
                    ? []
                    : [.. Enumerable.Range(0, _slots.Length)
                        .Where(index => _slots[index].Wanted is not null)
                        .Select(index => (index, _slots[index].Wanted!.Value))];
            }

            bool settled = Reconcile(backend, start, wanted, out HashSet<int> failed);
            Complete(target, start, settled, failed);
        }
    }

    /// <summary>Has QEMU map what should be mapped.</summary>
    /// <returns>False where it does not answer.</returns>
    private bool Reconcile(
        IWindowBackend? backend,
        int start,
        (int Index, OutboundTranslation Translation)[] wanted,
        out HashSet<int> failed)
    {
        failed = [];
        if (start != _actualStart)
        {
            // Another start of the device: nothing is mapped there yet.
            Forget();
            _actualStart = start;
        }

        if (backend is null)
        {
            return true;
        }

        var desired = new Dictionary<Mapping, (FileDescriptor File, int Index)>();
        foreach ((int index, OutboundTranslation translation) in wanted)
        {
            var parts = new List<HostMapping>();
            bool mappable = Resolve(translation, parts);
            bool allowed = _functions[translation.Function].Requester.MaySend;
            ulong offset = translation.Offset;
            foreach (HostMapping part in parts)
            {
                if (!mappable || !allowed
                    || !desired.TryAdd(new Mapping(offset, part.Size, part.Identity, part.FileOffset), (part.File, index)))
                {
                    part.File.Dispose();
                }

                offset += part.Size;
            }

            if (!mappable)
            {
                failed.Add(index);
            }
        }

        bool answered = Change(backend, desired, failed);
        foreach ((FileDescriptor file, _) in desired.Values)
        {
            file.Dispose();
        }

        return answered;
    }

    private bool Change(
        IWindowBackend backend, Dictionary<Mapping, (FileDescriptor File, int Index)> desired, HashSet<int> failed)
    {
        List<Mapping> gone = [.. _actual.Keys.Where(mapping => !desired.ContainsKey(mapping))];
        List<Mapping> added = [.. desired.Keys.Where(mapping => !_actual.ContainsKey(mapping))];
        if (gone.Count + added.Count == 0)
        {
            return true;
        }

        Volatile.Write(ref _mappings, _actual.Count + added.Count);
        bool[] mapped = new bool[added.Count];
        bool answered = backend.Change(
            [.. gone.Select(mapping => new WindowMapping(mapping.Offset, mapping.Size, _actual[mapping], mapping.FileOffset))],
            [.. added.Select(mapping => new WindowMapping(mapping.Offset, mapping.Size, desired[mapping].File, mapping.FileOffset))],
            mapped);
        if (!answered)
        {
            failed.UnionWith(added.Select(mapping => desired[mapping].Index));
            return false;
        }

        if (_logger.IsEnabled(LogLevel.Debug))
        {
            _logger.LogDebug("window: {Gone} mappings taken away, {Added} made", gone.Count, mapped.Count(static made => made));
        }

        foreach (Mapping mapping in gone)
        {
            _actual.Remove(mapping, out FileDescriptor? file);
            file!.Dispose();
        }

        for (int i = 0; i < added.Count; i++)
        {
            (FileDescriptor file, int index) = desired[added[i]];
            if (mapped[i])
            {
                _actual.Add(added[i], file.Duplicate());
            }
            else
            {
                _logger.LogWarning("QEMU refused to map {Size} bytes at 0x{Offset:x} of the window", added[i].Size, added[i].Offset);
                failed.Add(index);
            }
        }

        Volatile.Write(ref _mappings, _actual.Count);
        return true;
    }

    private void Complete(long target, int start, bool settled, HashSet<int> failed)
    {
        List<Action> then = [];
        lock (_lock)
        {
            if (!settled && _starts != start)
            {
                // The device has been reset under the change: the next round, asked for already, finds nothing mapped.
                return;
            }

            for (int i = 0; i < _slots.Length; i++)
            {
                ref Slot slot = ref _slots[i];
                if (slot.Result != CommitResult.Pending || slot.Request > target)
                {
                    continue;
                }

                // What QEMU was asked to take away and did not is still there.
                slot.Result = settled || slot.Wanted is not null ? CommitResult.Ok : CommitResult.Busy;
                if (failed.Contains(i) && slot.Wanted is not null)
                {
                    slot.Result = CommitResult.NotMappable;
                    slot.Wanted = null;
                    _committed--;
                }
            }

            _done = target;
            if (settled)
            {
                then.AddRange(_waiting.Where(waiting => waiting.Request <= target).Select(static waiting => waiting.Then));
            }

            // Where QEMU does not answer, nobody is told that something has been taken away: the link goes down by that.
            _waiting.RemoveAll(waiting => waiting.Request <= target);
        }

        then.ForEach(static action => action());
        _changed();
    }

    private bool Resolve(in OutboundTranslation translation, List<HostMapping> parts)
    {
        if (!_functions[translation.Function].Requester.TryResolve(translation.Address, translation.Size, parts))
        {
            return false;
        }

        foreach (HostMapping part in parts)
        {
            if (part.Size % PageSize != 0 || part.FileOffset % PageSize != 0)
            {
                return false;
            }
        }

        return true;
    }

    private void Forget()
    {
        foreach (FileDescriptor file in _actual.Values)
        {
            file.Dispose();
        }

        _actual.Clear();
        Volatile.Write(ref _mappings, 0);
    }

    private struct Slot
    {
        public OutboundTranslation? Wanted;
        public CommitResult Result;
        public long Request;
    }

    private readonly record struct Mapping(ulong Offset, ulong Size, FileIdentity File, ulong FileOffset);
}
