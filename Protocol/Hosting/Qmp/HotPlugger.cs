using Microsoft.Extensions.Logging;

namespace EpfTest.Protocol.Hosting.Qmp;

/// <summary>
/// Keeps the devices of a running QEMU as they are wanted. Any thread may say at any time what is wanted, and does not
/// wait; a thread of this class reconciles QEMU with it, also when QEMU starts later or is replaced by another.
/// </summary>
internal sealed class HotPlugger : IDisposable
{
    /// <summary>How long a guest may take to release a device before that is reported.</summary>
    public static readonly TimeSpan UnplugLimit = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan s_connectInterval = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan s_retryInterval = TimeSpan.FromSeconds(1);

    private readonly string _path;
    private readonly IReadOnlyCollection<string> _ids;
    private readonly ILogger _logger;
    private readonly TimeSpan _unplugLimit;
    private readonly object _lock = new();
    private readonly Thread _thread;

    // Under the lock.
    private readonly List<(long Version, Action Action)> _whenGone = [];
    private IReadOnlyList<HotPlugDevice> _wanted = [];
    private long _wantedVersion;
    private long _doneVersion;
    private bool _stopping;
    private QemuDevices? _qemu;

    // The thread's own.
    private string? _lastTrouble;

    /// <summary>Starts with nothing wanted, and removes what an earlier process has left.</summary>
    /// <param name="path">The monitor's socket.</param>
    /// <param name="ids">The IDs of all devices that may ever be plugged.</param>
    /// <param name="logger">Logs what is plugged, and refusals of QEMU or the guest.</param>
    /// <param name="unplugLimit">In place of <see cref="UnplugLimit"/>.</param>
    public HotPlugger(string path, IReadOnlyCollection<string> ids, ILogger logger, TimeSpan? unplugLimit = null)
    {
        _path = path;
        _ids = ids;
        _logger = logger;
        _unplugLimit = unplugLimit ?? UnplugLimit;
        _thread = new Thread(Run) { IsBackground = true, Name = "hot-plug" };
        _thread.Start();
    }

    /// <summary>QEMU is to have these devices, whose sockets are served already; those that it has are removed
    /// first.</summary>
    /// <param name="devices">In the order in which they are added. They are removed in reverse.</param>
    public void Plug(IReadOnlyList<HotPlugDevice> devices) => Want(devices, null);

    /// <summary>QEMU is to have no devices.</summary>
    /// <param name="whenGone">Called once when QEMU has released those that it had, or is gone itself.</param>
    public void Unplug(Action? whenGone = null) => Want([], whenGone);

    /// <summary>QEMU is to have no devices; waits for that.</summary>
    /// <returns>False if the guest has not released them within <paramref name="limit"/>.</returns>
    public bool Unplug(TimeSpan limit)
    {
        var gone = new ManualResetEventSlim();
        Unplug(gone.Set);
        return gone.Wait(limit);
    }

    /// <summary>Stops; what is plugged stays.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _stopping = true;
            _qemu?.HangUp();
            Monitor.PulseAll(_lock);
        }

        _thread.Join();
        _qemu?.Dispose();
        ReportGone(long.MaxValue);
    }

    private void Want(IReadOnlyList<HotPlugDevice> devices, Action? whenGone)
    {
        lock (_lock)
        {
            _wanted = devices;
            _wantedVersion++;
            if (whenGone is not null)
            {
                _whenGone.Add((_wantedVersion, whenGone));
            }

            Monitor.PulseAll(_lock);
        }
    }

    private void Run()
    {
        while (WaitForWork(out IReadOnlyList<HotPlugDevice> wanted, out long version))
        {
            try
            {
                Reconcile(wanted, version);
                _lastTrouble = null;
                lock (_lock)
                {
                    _doneVersion = version;
                }
            }
            catch (QmpException error)
            {
                Report(error);
                Pause(_qemu is { HasEnded: false } ? s_retryInterval : s_connectInterval);
            }
        }
    }

    /// <summary>Waits until something else is wanted, or QEMU is gone.</summary>
    private bool WaitForWork(out IReadOnlyList<HotPlugDevice> wanted, out long version)
    {
        lock (_lock)
        {
            while (!_stopping && _doneVersion == _wantedVersion && _qemu is { HasEnded: false })
            {
                Monitor.Wait(_lock);
            }

            wanted = _wanted;
            version = _wantedVersion;
            return !_stopping;
        }
    }

    private void Pause(TimeSpan time)
    {
        lock (_lock)
        {
            if (!_stopping)
            {
                Monitor.Wait(_lock, time);
            }
        }
    }

    private void Reconcile(IReadOnlyList<HotPlugDevice> wanted, long version)
    {
        if (_qemu is { HasEnded: true })
        {
            _logger.LogInformation("hot-plug: QEMU is gone from {Path}", _path);
            SetQemu(null);
        }

        if (_qemu is null)
        {
            // Without a QEMU nothing is plugged.
            ReportGone(version);
            SetQemu(new QemuDevices(_path, _ids, _unplugLimit, OnQemuGone, _logger));
            _logger.LogInformation("hot-plug: connected to {Path}", _path);
            if (wanted.Count > 0 && wanted.All(device => _qemu!.Present.Contains(device.Id) && device.IsServed()))
            {
                _logger.LogInformation("hot-plug: QEMU has its devices already");
                return;
            }
        }

        _qemu!.RemoveAll();
        ReportGone(version);
        foreach (HotPlugDevice device in wanted)
        {
            _qemu.Add(device);
        }
    }

    private void SetQemu(QemuDevices? qemu)
    {
        _qemu?.Dispose();
        lock (_lock)
        {
            _qemu = qemu;
            if (_stopping)
            {
                qemu?.HangUp();
            }
        }
    }

    private void OnQemuGone()
    {
        lock (_lock)
        {
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>Calls the actions that wait for the wish of this version or an earlier one; later ones may concern
    /// devices that are yet to be plugged.</summary>
    private void ReportGone(long version)
    {
        Action[] actions;
        lock (_lock)
        {
            actions = [.. _whenGone.Where(asked => asked.Version <= version).Select(asked => asked.Action)];
            _whenGone.RemoveAll(asked => asked.Version <= version);
        }

        Array.ForEach(actions, static action => action());
    }

    /// <summary>Logs an error, but not the same one twice in a row.</summary>
    private void Report(QmpException error)
    {
        if (error.Message != _lastTrouble)
        {
            _lastTrouble = error.Message;
            _logger.Log(error.IsAbsent ? LogLevel.Information : LogLevel.Warning, "hot-plug: {Error}", error.Message);
        }
    }
}
