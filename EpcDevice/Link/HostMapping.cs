using EpfTest.Protocol.Linux;

namespace EpfTest.EpcDevice.Link;

/// <summary>A shared part of a range of host memory.</summary>
/// <param name="Size">Bytes.</param>
/// <param name="File">The file that holds it; the descriptor is the receiver's own.</param>
/// <param name="FileOffset">Where in <paramref name="File"/>, in bytes.</param>
/// <param name="Identity">Which file it is.</param>
internal readonly record struct HostMapping(
    ulong Size, FileDescriptor File, ulong FileOffset, Protocol.Memory.FileIdentity Identity);
