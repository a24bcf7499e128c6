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
    private volatile int _maxReceivedPayload = TlpLimits.MinPayload;
    private volatile int _readCompletionBoundary = TlpLimits.MinReadCompletionBoundary;

    /// <summary>Max_Payload_Size for TLPs to the function, in bytes (section 7.5.3.4).</summary>
    public int MaxPayload => _maxPayload;

    /// <summary>
    /// Max_Payload_Size for TLPs from the function: the larger one while a write of Device Control is under way, since
    /// the function may use it before its completion is here.
    /// </summary>
    public int MaxReceivedPayload => _maxReceivedPayload;

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

    /// <summary>A write of the host is being sent to the function.</summary>
    public void Writing(int offset, ReadOnlySpan<byte> data) =>
        _maxReceivedPayload = Math.Max(_maxPayload, MaxPayloadAfter(offset, data));

    /// <summary>The function has completed a write of the host.</summary>
    public void Written(int offset, ReadOnlySpan<byte> data)
    {
        _maxPayload = MaxPayloadAfter(offset, data);
        _maxReceivedPayload = _maxPayload;
        if (Find(PciExpressCapability.LinkControl, offset, data) is { } control)
        {
            _readCompletionBoundary = PciExpressCapability.ReadCompletionBoundaryIn(control);
        }
    }

    /// <summary>The function has gone through a hot reset.</summary>
    public void Reset()
    {
        _maxPayload = _maxReceivedPayload = TlpLimits.MinPayload;
        _readCompletionBoundary = TlpLimits.MinReadCompletionBoundary;
    }

    private int MaxPayloadAfter(int offset, ReadOnlySpan<byte> data) =>
        Find(PciExpressCapability.DeviceControl, offset, data) is { } control
            ? Math.Min(PciExpressCapability.MaxPayloadSizeIn(control), _maxPayloadSupported)
            : _maxPayload;

    /// <summary>The low byte of a register of the PCI Express capability, if a write contains it.</summary>
    private byte? Find(int register, int offset, ReadOnlySpan<byte> data)
    {
        int index = _express + register - offset;
        return _express != 0 && (uint)index < (uint)data.Length ? data[index] : null;
    }
}
