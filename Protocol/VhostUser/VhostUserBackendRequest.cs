namespace EpfTest.Protocol.VhostUser;

/// <summary>The requests that are sent to the front-end (QEMU <c>docs/interop/vhost-user.rst</c>, "Back-end message types").</summary>
internal enum VhostUserBackendRequest : uint
{
    SharedObjectRemove = 7,
    ShmemMap = 9,
    ShmemUnmap = 10,
}
