using EpfTest.Protocol.Linux;

namespace EpfTest.Protocol.VfioUser;

/// <summary>
/// A part of a region whose writes a client may turn into a signal of an eventfd instead of a message, as KVM's
/// ioeventfd does (vfio-user specification, "VFIO_USER_DEVICE_GET_REGION_IO_FDS").
/// </summary>
/// <param name="Offset">Bytes from the start of the region.</param>
/// <param name="Size">Bytes; 0 for any size of access.</param>
/// <param name="Descriptor">What is signalled.</param>
/// <param name="Flags">KVM_IOEVENTFD_FLAG_*.</param>
/// <param name="DataMatch">With KVM_IOEVENTFD_FLAG_DATAMATCH: the only value that signals.</param>
internal sealed record IoEventFd(ulong Offset, ulong Size, EventFd Descriptor, uint Flags = 0, ulong DataMatch = 0);
