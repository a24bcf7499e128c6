using EpfTest.EpcDevice.Link;
using EpfTest.EpcDevice.Registers;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie;

namespace EpfTest.EpcDevice.Dma;

/// <summary>The thread of a channel: takes adjacent descriptors from the ring and carries them out.</summary>
internal sealed class DmaWorker
{
    private const int BatchSize = 64;

    private readonly DescriptorRing _ring;
    private readonly DmaCopier _copier;
    private readonly DmaReadAhead _reads;
    private readonly byte[] _batch =
        GC.AllocateUninitializedArray<byte>(BatchSize * EpcRegister.DescSize, pinned: true);

    private readonly Thread _thread;

    /// <summary>Starts the thread; it ends when the ring is disposed.</summary>
    public DmaWorker(int channel, DescriptorRing ring, DmaPort port, IHostLink host)
    {
        _ring = ring;
        _copier = new DmaCopier(ring, port);
        _reads = new DmaReadAhead(ring, port, host, _copier);
        _thread = new Thread(Run) { IsBackground = true, Name = $"dma {channel}" };
        _thread.Start();
    }

    /// <summary>Waits, for a limited time, until the thread has ended.</summary>
    public void Join() => _thread.Join(DescriptorRing.StopLimit);

    private void Run()
    {
        while (_ring.Take(BatchSize, out DmaRun run, out ulong address, out int count))
        {
            CarryOut(run, address, _batch.AsSpan(0, count * EpcRegister.DescSize));
        }
    }

    private void CarryOut(DmaRun run, ulong address, Span<byte> descriptors)
    {
        if (_ring.Access(run, address, descriptors, DmaAccess.Read) != RequestStatus.Success)
        {
            _ring.FailByThread(run, "its descriptors cannot be read");
            return;
        }

        bool goesOn = true;
        for (int i = 0; goesOn && i < descriptors.Length; i += EpcRegister.DescSize)
        {
            var descriptor = DmaDescriptor.Parse(descriptors[i..], address + (ulong)i);
            goesOn = _reads.Takes(descriptor)
                ? _reads.Begin(run, descriptor)
                : _reads.Finish(run)
                    && _ring.Complete(
                        run,
                        descriptor,
                        descriptor.IsValid ? _copier.Copy(run, descriptor) : DmaStatus.BadDescriptor);
        }

        _reads.Finish(run);
    }
}
