namespace EpfTest.Protocol.Pcie.Completion;

/// <summary>What the address of a memory or I/O request leads to.</summary>
/// <param name="Bar">The BAR that claims the address; not used by a root complex.</param>
/// <param name="Offset">Bytes from the start of the BAR, or the bus address at a root complex.</param>
/// <param name="IsPrivate">Whether part of it is private memory, so that the access waits for a QEMU.</param>
internal readonly record struct Route(int Bar, ulong Offset, bool IsPrivate);
