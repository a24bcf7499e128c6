using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;

namespace EpfTest.Protocol.Hosting.Qmp;

/// <summary>
/// Plugs devices into a running QEMU, and unplugs them, by its monitor. What is wanted is said at any time, by any thread,
/// and nobody waits for it: a thread of its own works towards it, also where QEMU is not there yet, or another comes.
/// </summary>
/// <remarks>
/// QEMU's side is <c>qmp_device_add</c> and <c>qmp_device_del</c> in <c>system/qdev-monitor.c</c>: a device is gone once
/// DEVICE_DELETED says so, which takes the guest's consent, and until then it may be used.
/// </remarks>
internal sealed class HotPlugger : IDisposable
{
    /// <summary>How long a guest may take to let go of a device before that is reported.</summary>
    public static readonly TimeSpan UnplugLimit = TimeSpan.FromSeconds(10);

    // A guest that was not up yet has lost what it was asked.
    private const int AsksBeforeReport = 4;

    // QEMU realizes the device meanwhile, and asks us for everything.
    private static readonly TimeSpan s_commandLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_greetingLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_connectInterval = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan s_retryInterval = TimeSpan.FromSeconds(1);

    private readonly string _path;
    private readonly IReadOnlyCollection<string> _ids;
    private readonly ILogger _logger;
    private readonly TimeSpan _askInterval;
    private readonly object _lock = new();
    private readonly Thread _thread;

    // Under the lock.
    private readonly HashSet<string> _deleted = [];
    private readonly List<(long Version, Action Action)> _whenGone = [];
    private IReadOnlyList<HotPlugDevice> _wanted = [];
    private long _wantedVersion;
    private long _doneVersion;
    private bool _stopping;

    // The thread's own, but for hanging up.
    private volatile QmpClient? _qemu;
    private IReadOnlyList<string> _plugged = [];
    private string? _lastTrouble;

    /// <summary>Starts without anything to plug, and removes what a process before this one has left.</summary>
    /// <param name="path">The monitor's socket.</param>
    /// <param name="ids">The IDs of all devices that may ever be plugged.</param>
    /// <param name="logger">Told what is plugged, and what QEMU or the guest refuse.</param>
    /// <param name="unplugLimit">In place of <see cref="UnplugLimit"/>.</param>
    public HotPlugger(string path, IReadOnlyCollection<string> ids, ILogger logger, TimeSpan? unplugLimit = null)
    {
        _path = path;
        _ids = ids;
        _logger = logger;
        _askInterval = (unplugLimit ?? UnplugLimit) / AsksBeforeReport;
        _thread = new Thread(Run) { IsBackground = true, Name = "hot-plug" };
        _thread.Start();
    }

    /// <summary>QEMU is to have these devices, behind sockets that are served already; what it has goes first.</summary>
    /// <param name="devices">In the order in which they are added; removed they are in the other one.</param>
    public void Plug(IReadOnlyList<HotPlugDevice> devices) => Want(devices, null);

    /// <summary>QEMU is to have none.</summary>
    /// <param name="whenGone">Called once when QEMU has let go of what it had, or has gone itself.</param>
    public void Unplug(Action? whenGone = null) => Want([], whenGone);

    /// <summary>The same, and waits for it.</summary>
    /// <returns>False where the guest has not let go within <paramref name="limit"/>.</returns>
    public bool Unplug(TimeSpan limit)
    {
        var gone = new ManualResetEventSlim();
        Unplug(gone.Set);
        return gone.Wait(limit);
    }

    /// <summary>Ends; what is plugged stays.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _stopping = true;
            Monitor.PulseAll(_lock);
        }

        _qemu?.HangUp();
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
            if (_qemu is { HasEnded: true })
            {
                ForgetQemu();
            }

            try
            {
                Work(wanted, version);
                _lastTrouble = null;
                lock (_lock)
                {
                    _doneVersion = version;
                }
            }
            catch (QmpException error)
            {
                Report(error.Message, error.IsAbsent ? LogLevel.Information : LogLevel.Warning);
                Pause(_qemu is { HasEnded: false } ? s_retryInterval : s_connectInterval);
            }
        }
    }

    /// <summary>Waits until another wish is there, or QEMU has gone.</summary>
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

    /// <summary>Another QEMU is to have what this one had.</summary>
    private void ForgetQemu()
    {
        _qemu?.Dispose();
        _qemu = null;
        _plugged = [];
        _logger.LogInformation("hot-plug: QEMU has gone from {Path}", _path);
    }

    private void Work(IReadOnlyList<HotPlugDevice> wanted, long version)
    {
        if (_qemu is null)
        {
            // Nothing is plugged where no QEMU is.
            ReportGone(version);
            Connect();
            if (wanted.Count > 0 && wanted.All(device => _plugged.Contains(device.Id) && device.IsServed()))
            {
                _logger.LogInformation("hot-plug: QEMU has its devices already");
                return;
            }
        }

        foreach (string id in _plugged.Reverse())
        {
            Remove(id);
        }

        _plugged = [];
        ReportGone(version);
        foreach (HotPlugDevice device in wanted)
        {
            _plugged = [.. _plugged, device.Id];
            Add(device);
        }
    }

    private void Connect()
    {
        QmpClient qemu = QmpClient.Connect(_path, s_greetingLimit, OnEvent, OnQemuGone);
        try
        {
            // What has an ID is a child of this.
            JsonElement children = qemu.Execute(
                "qom-list", new JsonObject { ["path"] = "/machine/peripheral" }, s_commandLimit);
            HashSet<string> there = children.ValueKind == JsonValueKind.Array
                ? [.. children.EnumerateArray().Select(NameOf)]
                : throw new QmpException("qom-list: QEMU's answer makes no sense");
            _plugged = [.. _ids.Where(there.Contains)];
            _qemu = qemu;
            _logger.LogInformation("hot-plug: connected to {Path}", _path);
        }
        catch
        {
            qemu.Dispose();
            throw;
        }
    }

    private static string NameOf(JsonElement child) =>
        child.ValueKind == JsonValueKind.Object && child.TryGetProperty("name", out JsonElement name) ? name.ToString() : "";

    private void Add(HotPlugDevice device)
    {
        if (device.CharacterDevice is { } path)
        {
            Execute("chardev-add", new JsonObject
            {
                ["id"] = device.Id,
                ["backend"] = new JsonObject
                {
                    ["type"] = "socket",
                    ["data"] = new JsonObject
                    {
                        ["server"] = false,
                        ["addr"] = new JsonObject
                        {
                            ["type"] = "unix",
                            ["data"] = new JsonObject { ["path"] = Path.GetFullPath(path) },
                        },
                    },
                },
            });
        }

        JsonObject arguments = device.Arguments.DeepClone().AsObject();
        arguments["id"] = device.Id;
        Execute("device_add", arguments);
        _logger.LogInformation("hot-plug: {Device} is plugged", device.Id);
    }

    /// <summary>Removes a device, and the character device of the same ID, where there are such.</summary>
    private void Remove(string id)
    {
        if (Delete(id))
        {
            WaitForDeletion(id);
            _logger.LogInformation("hot-plug: {Device} is unplugged", id);
        }

        for (long end = Environment.TickCount64 + (long)s_greetingLimit.TotalMilliseconds; ; Pause(s_connectInterval / 10))
        {
            try
            {
                Execute("chardev-remove", new JsonObject { ["id"] = id });
                return;
            }
            catch (QmpException error) when (error.IsNotFound)
            {
                return;
            }
            catch (QmpException) when (Environment.TickCount64 < end && !_qemu!.HasEnded)
            {
                // The device is gone for the guest, but not all of it in QEMU.
            }
        }
    }

    /// <summary>Asks the guest to let go.</summary>
    /// <returns>False where there is no such device: it went with another, or somebody else removed it.</returns>
    private bool Delete(string id)
    {
        lock (_lock)
        {
            _deleted.Remove(id);
        }

        try
        {
            Execute("device_del", new JsonObject { ["id"] = id });
        }
        catch (QmpException error) when (error.IsNotFound)
        {
            return false;
        }
        catch (QmpException error) when (!_qemu!.HasEnded)
        {
            // The guest was asked before, or its button blinks.
            _logger.LogDebug("hot-plug: {Error}", error.Message);
        }

        return true;
    }

    /// <summary>Waits until the guest has let go, and asks again where it takes its time.</summary>
    private void WaitForDeletion(string id)
    {
        for (int asked = 1; ; asked++)
        {
            if (IsDeletedInTime(id))
            {
                return;
            }

            if (asked == AsksBeforeReport)
            {
                Report($"the guest has not let go of {id} within {(_askInterval * AsksBeforeReport).TotalSeconds} s: it has to be "
                    + "running, with hot-plug on that bus (CONFIG_HOTPLUG_PCI_ACPI or CONFIG_HOTPLUG_PCI_PCIE), and the "
                    + "device's driver has to let go; it is asked again");
            }

            if (!Delete(id))
            {
                return;
            }
        }
    }

    private bool IsDeletedInTime(string id)
    {
        lock (_lock)
        {
            long end = Environment.TickCount64 + (long)_askInterval.TotalMilliseconds;
            while (!_deleted.Contains(id))
            {
                long left = end - Environment.TickCount64;
                if (_stopping || _qemu!.HasEnded)
                {
                    throw new QmpException($"{_path}: QEMU has gone before it let go of {id}");
                }

                if (left <= 0)
                {
                    return false;
                }

                Monitor.Wait(_lock, (int)left);
            }

            return true;
        }
    }

    private void Execute(string command, JsonObject arguments) => _qemu!.Execute(command, arguments, s_commandLimit);

    private void OnEvent(string name, JsonElement data)
    {
        if (data.ValueKind != JsonValueKind.Object || !data.TryGetProperty("device", out JsonElement device))
        {
            return;
        }

        switch (name)
        {
            case "DEVICE_DELETED":
                lock (_lock)
                {
                    _deleted.Add(device.ToString());
                    Monitor.PulseAll(_lock);
                }

                break;
            case "DEVICE_UNPLUG_GUEST_ERROR":
                _logger.LogWarning("hot-plug: the guest refuses to let go of {Device}", device.ToString());
                break;
        }
    }

    private void OnQemuGone()
    {
        lock (_lock)
        {
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>Tells those who have asked for it up to that wish: what came later may be about what is yet to be plugged.</summary>
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

    /// <summary>Says what is wrong, once until something else is.</summary>
    private void Report(string trouble, LogLevel level = LogLevel.Warning)
    {
        if (trouble != _lastTrouble)
        {
            _lastTrouble = trouble;
            _logger.Log(level, "hot-plug: {Trouble}", trouble);
        }
    }
}
