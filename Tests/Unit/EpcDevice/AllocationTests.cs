using EpfTest.EpcDevice.Registers;
using EpfTest.Kit.EpcDevice;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Linux;

namespace EpfTest.Unit.EpcDevice;

/// <summary>Moving bytes leaves nothing to the garbage collector.</summary>
[TestFixture]
internal sealed class AllocationTests
{
    private readonly byte[] _data = new byte[64];

    [Test]
    public void AccessesThroughTranslationsAllocateNothing()
    {
        using EpcRig rig = EpcRig.WithFunction();
        rig.SetBar(
            0, 8192, 0,
            EpcRig.Inbound(0, 4096, FakeGuest.RamAddress),
            EpcRig.Inbound(4096, 4096, EpcRig.RegistersAddress + EpcRegister.Doorbell));
        rig.BringUp();
        rig.HostWrites(0x10, 0xc000_0000);
        rig.HostWrites(4, 6);
        rig.MapOutbound(0, 0, 4096, FakeHostLink.MemoryAddress);
        rig.MapOutbound(1, 4096, 4096, FakeHostLink.MemoryAddress);
        Access(rig);

        long before = GC.GetAllocatedBytesForCurrentThread();
        Errno error = Errno.None;
        for (int i = 0; i < 1000; i++)
        {
            error |= Access(rig);
        }

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
        Assert.That(error, Is.EqualTo(Errno.None));
    }

    private Errno Access(EpcRig rig)
    {
        Span<byte> four = _data.AsSpan(0, 4);
        Errno error = rig.Device.ReadRegion(EpcRegister.BarRegs, EpcRegister.LinkStatus, four);
        error |= rig.Device.ReadRegion(EpcRegister.BarWindow, 0x100, four);
        error |= rig.Device.WriteRegion(EpcRegister.BarWindow, 0x1ffe, four);
        error |= rig.Device.ReadRegion(EpcRegister.BarWindow, 4090, _data);
        error |= rig.HostFunction.TryDecode(
            0xc000_0100, false, out int bar, out ulong offset) ? Errno.None : Errno.EFAULT;
        error |= rig.HostFunction.WriteBar(bar, offset, _data).ToErrno();
        error |= rig.HostFunction.ReadBar(bar, offset, _data).ToErrno();
        error |= rig.HostFunction.WriteBar(bar, 4096, four).ToErrno();
        _ = rig.HostFunction.ReadConfig(0);
        return error;
    }

    [Test]
    public void DescriptorsAllocateNothing()
    {
        using EpcRig rig = EpcRig.WithHost();
        var ring = new DmaRing(rig, 0, 256);
        ring.Enable();
        var allocated = new List<long>(4);
        int requests = 0;
        rig.Host.DuringRequest = _ =>
        {
            // In the channel's thread.
            if (++requests % 50 == 0)
            {
                allocated.Add(GC.GetAllocatedBytesForCurrentThread());
            }
        };
        for (int i = 0; i < 200; i++)
        {
            ring.Add(
                FakeHostLink.MemoryAddress,
                FakeGuest.RamAddress + 0x10_0000,
                512,
                EpcRegister.DescFlagSourceHost | EpcRegister.DescFlagInterrupt);
        }

        ring.Submit();
        Assert.That(SpinWait.SpinUntil(() => ring.Head == 200, EpcRig.Limit), Is.True);
        Assert.That(allocated, Has.Count.EqualTo(4));

        // A collection in between, of what other tests have left, can count what is left of the thread's 8 KiB as
        // allocated.
        Assert.That(allocated.Zip(allocated.Skip(1), (before, after) => after - before).Min(), Is.Zero);
    }
}
