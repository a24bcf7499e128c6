using EpfTest.Protocol.Link;
using EpfTest.Protocol.Memory;

namespace EpfTest.EpcDevice.Dma;

/// <summary>Puts what is read from the host straight into memory of the EP guest that is mapped here.</summary>
internal sealed class GuestLanding(DmaPort port) : IReadTarget
{
    private ulong _address;

    /// <summary>Whether something could not be put there: the guest has taken the memory away meanwhile.</summary>
    public bool HasMissed { get; private set; }

    /// <summary>Starts over.</summary>
    /// <param name="address">The bus address of the first byte that is read.</param>
    public void Begin(ulong address)
    {
        _address = address;
        HasMissed = false;
    }

    /// <inheritdoc/>
    public void Put(int offset, ReadOnlySpan<byte> data)
    {
        using MemoryLease place = port.LeaseGuest(_address + (ulong)offset, data.Length);
        if (place.Bytes.Length < data.Length)
        {
            HasMissed = true;
            return;
        }

        data.CopyTo(place.Bytes);
    }
}
