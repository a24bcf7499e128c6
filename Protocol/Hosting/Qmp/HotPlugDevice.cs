using System.Text.Json.Nodes;

namespace EpfTest.Protocol.Hosting.Qmp;

/// <summary>A device to be plugged into a running QEMU.</summary>
/// <param name="Id">Its ID in QEMU.</param>
/// <param name="Arguments">The other arguments of <c>device_add</c>.</param>
internal sealed record HotPlugDevice(string Id, JsonObject Arguments)
{
    /// <summary>The Unix socket of the character device that it needs, which has the same ID; or null.</summary>
    public string? CharacterDevice { get; init; }

    /// <summary>
    /// Whether this process serves a device of this ID that QEMU has already. If not, its server is gone, QEMU will
    /// never connect again, and the device has to be removed.
    /// </summary>
    public Func<bool> IsServed { get; init; } = static () => false;

    /// <summary>A device of one of our vfio-user servers.</summary>
    /// <param name="id">Its ID in QEMU.</param>
    /// <param name="bus">The ID of the root port that takes it.</param>
    /// <param name="socket">Where it is served.</param>
    /// <param name="postsWrites">Whether QEMU may post writes: go on before they have arrived.</param>
    /// <param name="timeout">How long QEMU waits for our replies. A later reply ends its connection.</param>
    public static HotPlugDevice VfioUser(
        string id, string bus, string socket, bool postsWrites, TimeSpan timeout) => new(
        id,
        new JsonObject
        {
            ["driver"] = "vfio-user-pci",
            ["bus"] = bus,
            ["socket"] = new JsonObject { ["type"] = "unix", ["path"] = Path.GetFullPath(socket) },
            ["x-no-posted-writes"] = !postsWrites,
            ["x-msg-timeout"] = (int)timeout.TotalMilliseconds,
        });
}
