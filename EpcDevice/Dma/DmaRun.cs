using System.Numerics;
using EpfTest.EpcDevice.Functions;
using EpfTest.EpcDevice.Registers;

namespace EpfTest.EpcDevice.Dma;

/// <summary>A run of a channel: from when it is enabled until it is stopped or fails.</summary>
/// <param name="ring">EP-local address of the first descriptor.</param>
/// <param name="size">Descriptors of the ring.</param>
/// <param name="function">The function whose requests go to the host; null is invalid.</param>
internal sealed class DmaRun(ulong ring, uint size, FunctionRequester? function)
{
    private const uint MinSize = 2;
    private const uint MaxSize = 65536;

    private volatile bool _hasEnded;

    public ulong Ring => ring;

    public uint Size => size;

    public FunctionRequester Function => function!;

    public bool IsValid => ring % EpcRegister.DescSize == 0
        && size is >= MinSize and <= MaxSize
        && BitOperations.IsPow2(size)
        && function is not null;

    /// <summary>Whether what belongs to the run is to be dropped: no status, no HEAD, no interrupt.</summary>
    public bool HasEnded => _hasEnded;

    public void End() => _hasEnded = true;
}
