using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;

namespace EpfTest.Protocol.Hosting.Qmp;

/// <summary>Adds devices to one running QEMU, and removes them, by its monitor. For one thread, but for
/// events.</summary>
/// <remarks>
/// QEMU's side is <c>qmp_device_add</c> and <c>qmp_device_del</c> in <c>system/qdev-monitor.c</c>: a device is gone
/// once DEVICE_DELETED says so, which takes the guest's consent. Until then it may be used.
/// </remarks>
internal sealed class QemuDevices : IDisposable
{
    // A guest that was still booting has lost the first requests.
    private const int AsksBeforeReport = 4;

    // QEMU realizes the device meanwhile, and sends us requests for everything.
    private static readonly TimeSpan s_commandLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_greetingLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_characterDeviceInterval = TimeSpan.FromMilliseconds(20);

    private readonly string _path;
    private readonly ILogger _logger;
    private readonly TimeSpan _askInterval;
    private readonly Action _onGone;
    private readonly QmpClient _qemu;
    private readonly object _lock = new();
    private readonly HashSet<string> _deleted = [];
    private List<string> _present;

    /// <summary>Connects to the QEMU whose monitor is at <paramref name="path"/>.</summary>
    /// <param name="path">The monitor's socket.</param>
    /// <param name="ids">The IDs of all devices that may ever be added.</param>
    /// <param name="unplugLimit">How long a guest may take to release a device before that is reported.</param>
    /// <param name="onGone">Called once, by another thread, when QEMU is gone.</param>
    /// <param name="logger">Logs what is plugged, and refusals of the guest.</param>
    /// <exception cref="QmpException">No QEMU answers there.</exception>
    public QemuDevices(
        string path, IReadOnlyCollection<string> ids, TimeSpan unplugLimit, Action onGone, ILogger logger)
    {
        _path = path;
        _logger = logger;
        _askInterval = unplugLimit / AsksBeforeReport;
        _onGone = onGone;
        _qemu = QmpClient.Connect(path, s_greetingLimit, OnEvent, OnQemuGone);
        try
        {
            HashSet<string> all = List("/machine/peripheral");
            _present = [.. ids.Where(all.Contains)];
        }
        catch
        {
            _qemu.Dispose();
            throw;
        }
    }

    /// <summary>The IDs of our devices that QEMU has, in the order in which they were added.</summary>
    public IReadOnlyCollection<string> Present => _present;

    /// <summary>Whether QEMU is gone.</summary>
    public bool HasEnded => _qemu.HasEnded;

    /// <summary>Adds a device.</summary>
    public void Add(HotPlugDevice device)
    {
        // Even if only part of it succeeds, it has to be removed.
        _present.Add(device.Id);
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

    /// <summary>Removes all devices in <see cref="Present"/>, last first, and waits until the guest has released
    /// them.</summary>
    public void RemoveAll()
    {
        foreach (string id in Enumerable.Reverse(_present))
        {
            if (Delete(id))
            {
                WaitForDeletion(id);
                _logger.LogInformation("hot-plug: {Device} is unplugged", id);
            }

            RemoveCharacterDevice(id);
        }

        _present = [];
    }

    /// <summary>Fails what is being done, and all that follows. May be called by any thread.</summary>
    public void HangUp() => _qemu.HangUp();

    /// <summary>Disconnects; what is plugged stays.</summary>
    public void Dispose() => _qemu.Dispose();

    private HashSet<string> List(string container)
    {
        try
        {
            JsonElement children = Execute("qom-list", new JsonObject { ["path"] = container });
            return children.ValueKind == JsonValueKind.Array
                ? [.. children.EnumerateArray().Select(NameOf)]
                : throw new QmpException("qom-list: malformed answer from QEMU");
        }
        catch (QmpException error) when (error.IsNotFound)
        {
            return [];
        }

        static string NameOf(JsonElement child) =>
            child.ValueKind == JsonValueKind.Object && child.TryGetProperty("name", out JsonElement name)
                ? name.ToString()
                : "";
    }

    private void RemoveCharacterDevice(string id)
    {
        // QEMU has no error class of its own for a character device that is not there.
        if (!List("/chardevs").Contains(id))
        {
            return;
        }

        for (long end = Environment.TickCount64 + (long)s_greetingLimit.TotalMilliseconds; ;)
        {
            try
            {
                Execute("chardev-remove", new JsonObject { ["id"] = id });
                return;
            }
            catch (QmpException) when (Environment.TickCount64 < end && !HasEnded)
            {
                // The guest has released the device, but QEMU still holds part of it.
                Thread.Sleep(s_characterDeviceInterval);
            }
        }
    }

    /// <summary>Asks the guest to release a device.</summary>
    /// <returns>False if QEMU does not have it: it went with another, or was removed by somebody else.</returns>
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
        catch (QmpException error) when (!HasEnded)
        {
            // The guest was asked before, or the attention button blinks.
            _logger.LogDebug("hot-plug: {Error}", error.Message);
        }

        return true;
    }

    /// <summary>Waits until the guest has released a device, and repeats the request while it has not.</summary>
    private void WaitForDeletion(string id)
    {
        for (int asked = 1; !IsDeletedInTime(id); asked++)
        {
            if (asked == AsksBeforeReport)
            {
                _logger.LogWarning(
                    "hot-plug: timeout: the guest has not let go of {Device} within {Limit} s. It has to be running, "
                    + "with hot-plug on that bus (CONFIG_HOTPLUG_PCI_ACPI or CONFIG_HOTPLUG_PCI_PCIE), and the "
                    + "device's driver has to release it. The request is repeated.",
                    id,
                    (_askInterval * AsksBeforeReport).TotalSeconds);
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
                if (HasEnded)
                {
                    throw new QmpException($"{_path}: QEMU ended the connection before the guest released {id}");
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

    private JsonElement Execute(string command, JsonObject arguments) =>
        _qemu.Execute(command, arguments, s_commandLimit);

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
                _logger.LogWarning("hot-plug: the guest refuses to release {Device}", device.ToString());
                break;
        }
    }

    private void OnQemuGone()
    {
        lock (_lock)
        {
            Monitor.PulseAll(_lock);
        }

        _onGone();
    }
}
