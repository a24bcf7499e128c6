using EpfTest.Protocol.Link;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.EpfBridge;

/// <summary>The host's accesses to a function's BARs: directly to shared memory of the EP guest, else by
/// TLPs.</summary>
/// <remarks>
/// For the serving thread. A direct access that follows a write sent as a TLP first sends a zero-length read and awaits
/// its completion, so that it does not pass the write. The write itself is awaited while the endpoint reads the host's
/// memory directly, and where the BAR leads to private memory of the EP guest: the endpoint could see what the host
/// does next.
/// </remarks>
internal sealed class BarAccess(TlpRequester requester, FunctionId function, ConfigShadow configuration)
{
    // A root complex splits its reads as it likes: Max_Read_Request_Size limits requests of the function only.
    private const int MaxReadRequest = 512;

    private bool _mustFlush;
    private ulong _lastPosted;

    /// <summary>Reads from a BAR.</summary>
    public RequestStatus Read(Bar bar, ulong offset, Span<byte> data)
    {
        if (bar.IsDirect)
        {
            Flush();
            if (bar.TryRead(offset, data))
            {
                return RequestStatus.Success;
            }
        }

        ulong address = bar.Address + offset;
        if (!bar.IsIo)
        {
            return requester.ReadMemory(function, RemoteFunction.RootComplex, address, data, MaxReadRequest);
        }

        RequestStatus status = RequestStatus.Success;
        while (!data.IsEmpty && status == RequestStatus.Success)
        {
            int length = LengthInDw(address, data.Length);
            status = requester.ReadIo(function, RemoteFunction.RootComplex, (uint)address, data[..length]);
            data = data[length..];
            address += (ulong)length;
        }

        return status;
    }

    /// <summary>Writes to a BAR.</summary>
    /// <param name="bar">The BAR.</param>
    /// <param name="offset">Bytes.</param>
    /// <param name="data">What to write.</param>
    /// <param name="await">Whether to await a write that is sent as a TLP.</param>
    public RequestStatus Write(Bar bar, ulong offset, ReadOnlySpan<byte> data, bool await)
    {
        if (bar.IsDirect)
        {
            Flush();
            if (bar.TryWrite(offset, data))
            {
                return RequestStatus.Success;
            }
        }

        ulong address = bar.Address + offset;
        RequestStatus status = RequestStatus.Success;
        if (!bar.IsIo)
        {
            status = requester.WriteMemory(
                function, RemoteFunction.RootComplex, address, data, configuration.MaxPayload);
            _lastPosted = address;
            _mustFlush = true;
            if (await || bar.IsAwaited)
            {
                Flush();
            }

            return status;
        }

        while (!data.IsEmpty && status == RequestStatus.Success)
        {
            int length = LengthInDw(address, data.Length);
            status = requester.WriteIo(function, RemoteFunction.RootComplex, (uint)address, data[..length]);
            data = data[length..];
            address += (ulong)length;
        }

        return status;
    }

    private static int LengthInDw(ulong address, int length) =>
        Math.Min(length, TlpLimits.Dw - (int)(address % TlpLimits.Dw));

    private void Flush()
    {
        if (_mustFlush)
        {
            _mustFlush = false;
            requester.ReadMemory(function, RemoteFunction.RootComplex, _lastPosted, [], MaxReadRequest);
        }
    }
}
