using EpfTest.Protocol.Linux;

namespace EpfTest.Protocol.VhostUser;

/// <summary>A part of a shared-memory region that shows a part of a file.</summary>
/// <param name="Offset">Bytes from the start of the region, whole pages.</param>
/// <param name="Size">Bytes, whole pages.</param>
/// <param name="File">The file; open for reading and writing.</param>
/// <param name="FileOffset">Where in it, in bytes, whole pages.</param>
internal readonly record struct WindowMapping(ulong Offset, ulong Size, FileDescriptor File, ulong FileOffset);
