using EpfTest.Protocol.Link;
using EpfTest.Protocol.Link.Messages;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.VfioUser;
using Microsoft.Extensions.Logging;

namespace EpfTest.EpfBridge;

/// <content>
/// BARs that the host's QEMU maps (--map-bars). It reads what it may map once, when it connects, and keeps it until the
/// device is removed. EpcDevice is told before, so that it refuses to change what such a BAR leads to.
/// </content>
internal sealed partial class EndpointFunction
{
    /// <summary>Offers the BARs that one page-aligned range of shared memory is behind.</summary>
    private void OfferBars()
    {
        for (int bar = 0; bar < _inbound.Length; bar++)
        {
            lock (_mapLock)
            {
                if (_inbound[bar].Ranges.ToArray() is not [{ Backing: DmaBacking.Mapping } range]
                    || IsIo(bar)
                    || !IsAligned(range))
                {
                    continue;
                }

                SetMapped(bar, true);
                _regions[bar] = new DeviceRegion(
                    _description.Bars[bar].Size,
                    File: range.File!.Descriptor,
                    FileOffset: range.FileOffset - range.Address,
                    MmapAreas: [new MmapArea(range.Address, range.Size)]);
            }

            _logger.LogInformation("function {Function}: the host's QEMU may map BAR {Bar}", _number, bar);
        }
    }

    /// <summary>The host's QEMU has let go of the device.</summary>
    private void WithdrawBars()
    {
        for (int bar = 0; bar < _inbound.Length; bar++)
        {
            lock (_mapLock)
            {
                if (_isMapped[bar])
                {
                    _regions[bar] = new DeviceRegion(_description.Bars[bar].Size);
                    SetMapped(bar, false);
                }
            }
        }
    }

    /// <summary>Under the lock, so that EpcDevice hears of it before it hears that a BAR was not forgotten.</summary>
    private void SetMapped(int bar, bool isMapped)
    {
        _isMapped[bar] = isMapped;
        Span<byte> message = stackalloc byte[BarMappedMessage.Length];
        new BarMappedMessage(bar, isMapped).Write(message);
        _link.SendControl(FrameKind.BarMapped, _number, message);
    }

    private static bool IsAligned(DmaRange range) =>
        (range.Address | range.Size | range.FileOffset) % (ulong)Environment.SystemPageSize == 0
            && range.FileOffset >= range.Address;
}
