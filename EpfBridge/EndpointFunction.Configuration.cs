using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.EpfBridge;

/// <content>
/// Configuration requests, and what the root complex has to know of the function's configuration: no TLP to it may be
/// larger than its Device Control register says (PCI Express Base Specification 5.0, 7.5.3.4). Until it is known where
/// that is, none is larger than every function must take.
/// </content>
internal sealed partial class EndpointFunction
{
    private const int CapabilitiesPointer = 0x34;
    private const byte PciExpressCapability = 0x10;
    private const int FirstCapability = 0x40;
    private const int MaxCapabilities = 48;
    private const int CompatibleSpace = 256;

    // In the PCI Express capability; both sizes are 128 bytes, shifted.
    private const int DeviceCapabilities = 0x04;
    private const int DeviceControl = 0x08;
    private const int MaxPayloadShift = 5;
    private const int SizeMask = 7;

    private int _deviceControl = -1;
    private int _maxPayloadSupported;
    private volatile int _maxPayload = TlpLimits.MinPayload;

    private Errno ReadConfig(int start, Span<byte> all)
    {
        int inside = start % TlpLimits.Dw;
        int length = (inside + all.Length + TlpLimits.Dw - 1) / TlpLimits.Dw * TlpLimits.Dw;
        Span<byte> dwords = length == all.Length ? all : stackalloc byte[length];
        Errno error = _link.Requester.ReadConfiguration(_number, RootComplex, Target, start - inside, dwords);
        if (error != Errno.None)
        {
            return error;
        }

        if (length != all.Length)
        {
            dwords.Slice(inside, all.Length).CopyTo(all);
        }

        if (start == 0 && all.Length >= CompatibleSpace)
        {
            FindDeviceControl(all);
        }

        return Errno.None;
    }

    private Errno WriteConfig(int offset, ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            int length = Math.Min(data.Length, TlpLimits.Dw - (offset % TlpLimits.Dw));
            Errno error = _link.Requester.WriteConfiguration(_number, RootComplex, Target, offset, data[..length]);
            if (error != Errno.None)
            {
                return error;
            }

            if (offset == CommandRegister && (data[0] & BusMasterEnable) == 0)
            {
                CancelRequests();
            }

            if (_deviceControl >= offset && _deviceControl < offset + length)
            {
                int size = data[_deviceControl - offset] >> MaxPayloadShift & SizeMask;
                _maxPayload = TlpLimits.MinPayload << Math.Min(size, _maxPayloadSupported);
            }

            data = data[length..];
            offset += length;
        }

        return Errno.None;
    }

    /// <summary>The host's QEMU reads all of the configuration at once when it connects.</summary>
    private void FindDeviceControl(ReadOnlySpan<byte> configuration)
    {
        int offset = configuration[CapabilitiesPointer] & ~(TlpLimits.Dw - 1);
        for (int i = 0; i < MaxCapabilities && offset >= FirstCapability; i++)
        {
            if (configuration[offset] == PciExpressCapability)
            {
                _deviceControl = offset + DeviceControl;
                _maxPayloadSupported = configuration[offset + DeviceCapabilities] & SizeMask;
                return;
            }

            offset = configuration[offset + 1] & ~(TlpLimits.Dw - 1);
        }
    }
}
