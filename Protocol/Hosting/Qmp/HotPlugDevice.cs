using System.Text.Json.Nodes;

namespace EpfTest.Protocol.Hosting.Qmp;

/// <summary>A device that QEMU is to have.</summary>
/// <param name="Id">Its ID in QEMU.</param>
/// <param name="Arguments">The other arguments of <c>device_add</c>.</param>
internal sealed record HotPlugDevice(string Id, JsonObject Arguments)
{
    /// <summary>
    /// How long QEMU waits for an answer of ours, in milliseconds: longer than anything that we wait for ourselves. A reply
    /// that comes later than that ends QEMU's connection. <c>qemu-configs/*.args</c> has the same.
    /// </summary>
    private const int MessageTimeout = 10_000;

    /// <summary>The Unix socket of a character device of the same ID that the device needs, or null.</summary>
    public string? CharacterDevice { get; init; }

    /// <summary>
    /// Whether a device of this ID that QEMU has already is one that we serve. If not, then whoever served it is gone, QEMU
    /// never connects again, and the device has to go.
    /// </summary>
    public Func<bool> IsServed { get; init; } = static () => false;

    /// <summary>A device that one of our vfio-user servers is behind.</summary>
    /// <param name="id">Its ID in QEMU.</param>
    /// <param name="bus">The ID of the root port that takes it.</param>
    /// <param name="socket">Where it is served.</param>
    /// <param name="postsWrites">Whether QEMU may go on before a write has arrived.</param>
    public static HotPlugDevice VfioUser(string id, string bus, string socket, bool postsWrites) => new(
        id,
        new JsonObject
        {
            ["driver"] = "vfio-user-pci",
            ["bus"] = bus,
            ["socket"] = new JsonObject { ["type"] = "unix", ["path"] = Path.GetFullPath(socket) },
            ["x-no-posted-writes"] = !postsWrites,
            ["x-msg-timeout"] = MessageTimeout,
        });
}
