using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.Completion;
using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.Unit.Pcie.Completion;

/// <summary>A target of 4 KiB at 0x1000, of which the second half is private; records what it is told.</summary>
internal sealed class FakeTarget : ICompleterTarget
{
    public const ulong Address = 0x1000;
    public const ulong PrivateAddress = 0x1800;

    public byte[] Memory { get; } = new byte[4096];

    public List<string> Log { get; } = [];

    /// <summary>Result of each access.</summary>
    public RequestStatus Status { get; set; }

    public bool HasConfig { get; set; }

    public bool IsPresent { get; set; } = true;

    public int MaxPayload { get; set; } = 256;

    public int MaxReceivedPayload { get; set; } = 256;

    public int ReadCompletionBoundary { get; set; } = 64;

    public bool HasPendingPostedWrites { get; set; }

    /// <summary>Whether posted writes are carried out in time.</summary>
    public bool Drains { get; set; } = true;

    public bool DrainPostedWrites() => Drains;

    public bool TryRoute(in TlpHeader request, out Route route)
    {
        ulong offset = request.FirstByteAddress - Address;
        route = new Route(0, offset, request.FirstByteAddress >= PrivateAddress);
        return offset < (ulong)Memory.Length;
    }

    public RequestStatus Read(in Route route, Span<byte> destination)
    {
        Memory.AsSpan((int)route.Offset, destination.Length).CopyTo(destination);
        return Status;
    }

    public RequestStatus Write(in Route route, ReadOnlySpan<byte> source)
    {
        Log.Add($"write {source.Length} at {route.Offset}");
        source.CopyTo(Memory.AsSpan((int)route.Offset));
        return Status;
    }

    public bool TryReadConfig(int offset, out uint value)
    {
        value = (uint)offset;
        return HasConfig;
    }

    public bool TryWriteConfig(int offset, uint value, byte byteEnables, Action complete)
    {
        if (HasConfig)
        {
            Log.Add($"config {offset}={value}");
            complete();
        }

        return HasConfig;
    }

    public void ReceiveMessage(in TlpHeader message) => Log.Add("message");

    public void RecordFailure(in TlpHeader request, RequestStatus status) => Log.Add($"failed {status}");

    public void RecordMalformed(in TlpHeader request) => Log.Add("malformed");
}
