namespace EpfTest.Protocol.Hosting.Qmp;

/// <summary>The QEMU and its root ports that devices are plugged into.</summary>
/// <param name="Path">The socket of QEMU's monitor.</param>
/// <param name="Buses">The IDs of the root ports.</param>
internal sealed record HotPlugTarget(string Path, IReadOnlyList<string> Buses);
