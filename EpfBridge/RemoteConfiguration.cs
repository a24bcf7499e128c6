using EpfTest.Protocol.Link;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.ConfigurationSpace;
using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.EpfBridge;

/// <summary>The host's accesses to a function's configuration space, by CfgRd0 and CfgWr0.</summary>
/// <remarks>For the serving thread.</remarks>
internal sealed class RemoteConfiguration(TlpRequester requester, FunctionId function)
{
    /// <summary>What the root complex knows of the space.</summary>
    public ConfigShadow Shadow { get; } = new();

    /// <summary>Reads a part of the space.</summary>
    public RequestStatus Read(int start, Span<byte> all)
    {
        int inside = start % TlpLimits.Dw;
        int length = (inside + all.Length + TlpLimits.Dw - 1) / TlpLimits.Dw * TlpLimits.Dw;
        Span<byte> dwords = length == all.Length ? all : stackalloc byte[length];
        RequestStatus status = requester.ReadConfiguration(
            function, RemoteFunction.RootComplex, Bdf.Of(function), start - inside, dwords);
        if (status != RequestStatus.Success)
        {
            return status;
        }

        if (length != all.Length)
        {
            dwords.Slice(inside, all.Length).CopyTo(all);
        }

        if (start == 0 && all.Length >= PciRegister.FirstExtendedCapability)
        {
            Shadow.Read(all);
        }

        return RequestStatus.Success;
    }

    /// <summary>Writes a part of the space.</summary>
    /// <param name="offset">Bytes.</param>
    /// <param name="data">What to write.</param>
    /// <param name="busMasterCleared">Called when Bus Master Enable has been cleared.</param>
    public RequestStatus Write(int offset, ReadOnlySpan<byte> data, Action busMasterCleared)
    {
        while (!data.IsEmpty)
        {
            int length = Math.Min(data.Length, TlpLimits.Dw - (offset % TlpLimits.Dw));
            ReadOnlySpan<byte> part = data[..length];
            Shadow.Writing(offset, part);
            RequestStatus status = requester.WriteConfiguration(
                function, RemoteFunction.RootComplex, Bdf.Of(function), offset, part);
            if (status != RequestStatus.Success)
            {
                return status;
            }

            Shadow.Written(offset, part);
            if (offset == PciRegister.Command && (part[0] & (byte)PciCommand.BusMasterEnable) == 0)
            {
                busMasterCleared();
            }

            data = data[length..];
            offset += length;
        }

        return RequestStatus.Success;
    }
}
