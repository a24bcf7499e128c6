using EpfTest.Protocol.VhostUser;

namespace EpfTest.EpcDevice.Outbound;

/// <summary>The time from a start of the mapped window's device until it is stopped, or from then until the next start;
/// at its beginning QEMU has nothing mapped.</summary>
internal sealed class WindowSession(IWindowBackend? backend)
{
    /// <summary>What asks QEMU for changes; null while the device is stopped.</summary>
    public IWindowBackend? Backend => backend;
}
