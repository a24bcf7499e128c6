namespace EpfTest.Protocol.VhostUser;

/// <summary>The back-end's requests (QEMU <c>docs/interop/vhost-user.rst</c>, "Back-end message types").</summary>
internal enum VhostUserBackendRequest : uint
{
    SharedObjectRemove = 7,
    ShmemMap = 9,
    ShmemUnmap = 10,
}
