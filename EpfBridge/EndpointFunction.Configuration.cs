using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.ConfigurationSpace;
using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.EpfBridge;

/// <content>Configuration requests.</content>
internal sealed partial class EndpointFunction
{
    private readonly ConfigShadow _config = new();

    private RequestStatus ReadConfig(int start, Span<byte> all)
    {
        int inside = start % TlpLimits.Dw;
        int length = (inside + all.Length + TlpLimits.Dw - 1) / TlpLimits.Dw * TlpLimits.Dw;
        Span<byte> dwords = length == all.Length ? all : stackalloc byte[length];
        RequestStatus error = _link.Requester.ReadConfiguration(_number, RootComplex, Target, start - inside, dwords);
        if (error != RequestStatus.Success)
        {
            return error;
        }

        if (length != all.Length)
        {
            dwords.Slice(inside, all.Length).CopyTo(all);
        }

        if (start == 0 && all.Length >= PciRegister.FirstExtendedCapability)
        {
            _config.Read(all);
        }

        return RequestStatus.Success;
    }

    private RequestStatus WriteConfig(int offset, ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            int length = Math.Min(data.Length, TlpLimits.Dw - (offset % TlpLimits.Dw));
            RequestStatus error = _link.Requester.WriteConfiguration(_number, RootComplex, Target, offset, data[..length]);
            if (error != RequestStatus.Success)
            {
                return error;
            }

            if (offset == PciRegister.Command && (data[0] & (byte)PciCommand.BusMasterEnable) == 0)
            {
                CancelRequests();
            }

            _config.Written(offset, data[..length]);
            data = data[length..];
            offset += length;
        }

        return RequestStatus.Success;
    }
}
