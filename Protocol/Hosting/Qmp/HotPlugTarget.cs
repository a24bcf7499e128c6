namespace EpfTest.Protocol.Hosting.Qmp;

/// <summary>Where devices are plugged.</summary>
/// <param name="Path">The monitor's socket of the QEMU that takes them.</param>
/// <param name="Buses">The IDs of its root ports.</param>
internal sealed record HotPlugTarget(string Path, IReadOnlyList<string> Buses);
