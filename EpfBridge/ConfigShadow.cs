using EpfTest.Protocol.Pcie.ConfigurationSpace;
using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.EpfBridge;

/// <summary>
/// What the root complex knows of a function's PCI Express capability, from what the host reads and writes there. Until
/// the host has read the capability, TLPs are no larger than every function must take.
/// </summary>
/// <remarks>The serving thread calls the methods; any thread may read the properties.</remarks>
internal sealed class ConfigShadow
{
    private int _express;
    private int _maxPayloadSupported;
    private volatile int _maxPayload = TlpLimits.MinPayload;
    private volatile int _readCompletionBoundary = TlpLimits.MinReadCompletionBoundary;

    /// <summary>Max_Payload_Size for TLPs to the function, in bytes (section 7.5.3.4).</summary>
    public int MaxPayload => _maxPayload;

    /// <summary>
    /// Read Completion Boundary of the root complex, in bytes: the host writes it to the function's Link Control
    /// (section 7.5.3.7), and the function may rely on it.
    /// </summary>
    public int ReadCompletionBoundary => _readCompletionBoundary;

    /// <summary>The host has read at least the first 256 bytes, as its QEMU does when it connects.</summary>
    public void Read(ReadOnlySpan<byte> space)
    {
        _express = CapabilityList.Find(space, PciRegister.PciExpressId);
        if (_express != 0)
        {
            _maxPayloadSupported = PciExpressCapability.MaxPayloadSizeSupportedIn(
                space[_express + PciExpressCapability.DeviceCapabilities]);
        }
    }

    /// <summary>The function has taken a write of the host.</summary>
    public void Written(int offset, ReadOnlySpan<byte> data)
    {
        int deviceControl = _express + PciExpressCapability.DeviceControl - offset;
        int linkControl = _express + PciExpressCapability.LinkControl - offset;
        if (_express != 0 && (uint)deviceControl < (uint)data.Length)
        {
            _maxPayload = Math.Min(PciExpressCapability.MaxPayloadSizeIn(data[deviceControl]), _maxPayloadSupported);
        }

        if (_express != 0 && (uint)linkControl < (uint)data.Length)
        {
            _readCompletionBoundary = PciExpressCapability.ReadCompletionBoundaryIn(data[linkControl]);
        }
    }

    /// <summary>The function has gone through a hot reset.</summary>
    public void Reset()
    {
        _maxPayload = TlpLimits.MinPayload;
        _readCompletionBoundary = TlpLimits.MinReadCompletionBoundary;
    }
}
