using EpfTest.EpcDevice.Registers;
using EpfTest.Kit;
using EpfTest.Kit.EpcDevice;
using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.Unit.EpcDevice;

/// <summary>What a commit promises while the link's and the DMA channels' threads are at work.</summary>
[TestFixture]
[Category("Stress")]
internal sealed class ConcurrencyTests
{
    private const int Rounds = 200;
    private const ulong BarSize = 1 << 20;
    private const ulong First = FakeHostLink.MemoryAddress;
    private const ulong Second = FakeHostLink.MemoryAddress + 0x10_0000;

    [Test]
    public void NoDmaUsesAnOutboundTranslationAfterItIsRemoved()
    {
        using EpcRig rig = EpcRig.WithHost();
        rig.UnmapOutbound(0);
        int firstAllowed = 0;
        int secondAllowed = 0;
        int violations = 0;
        int requests = 0;
        rig.Host.DuringRequest = address =>
        {
            // Long enough for a removal that does not wait to return before this ends.
            Thread.SpinWait(3000);
            Interlocked.Increment(ref requests);
            if (Volatile.Read(ref address < Second ? ref firstAllowed : ref secondAllowed) == 0)
            {
                Interlocked.Increment(ref violations);
            }
        };
        using var stop = new CancellationTokenSource();
        Task[] feeders = [.. Enumerable.Range(0, 3).Select(channel => Task.Run(() => Feed(rig, channel, stop.Token)))];
        for (int i = 0; i < Rounds; i++)
        {
            bool first = i % 2 == 0;
            Volatile.Write(ref first ? ref firstAllowed : ref secondAllowed, 1);
            Assert.That(rig.MapOutbound(0, 0, 1 << 20, first ? First : Second), Is.EqualTo(CommitResult.Ok));
            int seen = Volatile.Read(ref requests);
            SpinWait.SpinUntil(() => Volatile.Read(ref requests) > seen + 3, 20);
            if (i % 3 == 0)
            {
                // Replaced at once by the other.
                Volatile.Write(ref first ? ref secondAllowed : ref firstAllowed, 1);
                rig.MapOutbound(0, 0, 1 << 20, first ? Second : First);
                Volatile.Write(ref first ? ref firstAllowed : ref secondAllowed, 0);
            }

            rig.UnmapOutbound(0);
            Volatile.Write(ref firstAllowed, 0);
            Volatile.Write(ref secondAllowed, 0);
        }

        stop.Cancel();
        Assert.That(Task.WaitAll(feeders, EpcRig.Limit), Is.True);
        Assert.That(requests, Is.GreaterThan(Rounds));
        Assert.That(violations, Is.Zero);
    }

    [Test]
    public void NoHostAccessUsesAnInboundTranslationAfterItIsRemoved()
    {
        using EpcRig rig = EpcRig.WithFunction();
        rig.SetBar(0, BarSize);
        rig.BringUp();
        using var stop = new CancellationTokenSource();
        Task[] hosts =
            [.. Enumerable.Range(1, 2).Select(value => Task.Run(() => Access(rig, (byte)value, stop.Token)))];
        byte[] clean = new byte[4096];
        int used = 0;
        for (int i = 0; i < Rounds; i++)
        {
            ulong start = FakeGuest.RamAddress + ((ulong)(i % 2) * BarSize);
            ulong end = start + BarSize - (ulong)clean.Length;
            Assert.That(rig.SetBar(0, BarSize, 0, EpcRig.Inbound(0, BarSize, start)), Is.EqualTo(CommitResult.Ok));
            SpinWait.SpinUntil(() => rig.Guest.Read(end, 1)[0] != 0, 20);
            used += rig.Guest.Read(end, 1)[0] != 0 ? 1 : 0;

            // A write that is still going on would arrive at the end of the BAR later.
            Assert.That(i % 3 == 0 ? rig.SetBar(0, BarSize) : rig.ClearBar(0), Is.EqualTo(CommitResult.Ok));
            rig.Guest.Write(end, clean);
            Thread.SpinWait(20_000);
            Assert.That(rig.Guest.Read(end, clean.Length), Is.EqualTo(clean), $"round {i}");
        }

        stop.Cancel();
        Assert.That(Task.WaitAll(hosts, EpcRig.Limit), Is.True);
        Assert.That(used, Is.GreaterThan(Rounds / 10));
    }

    [Test]
    public void ResetsWhileEverythingIsBusyEndCleanly()
    {
        using EpcRig rig = EpcRig.WithHost();
        using var stop = new CancellationTokenSource();
        Task[] hosts =
        [
            Task.Run(() => Access(rig, 1, stop.Token)),
            Task.Run(() => Configure(rig, stop.Token)),
            Task.Run(() => Appear(rig, stop.Token)),
        ];
        for (int i = 0; i < Rounds / 3; i++)
        {
            rig.Commit(EpcRegister.FnControl, EpcRegister.FnControlPresent);
            rig.SetBar(0, BarSize, 0, EpcRig.Inbound(0, BarSize, FakeGuest.RamAddress + 0x20_0000));
            rig.Write(EpcRegister.LinkControl, EpcRegister.LinkControlEnable);
            rig.MapOutbound(0, 0, 1 << 20, First);
            var ring = new DmaRing(rig, i % 16);
            ring.Enable();
            ring.Add(First, FakeGuest.RamAddress + 0x10_0000, 1 << 20, EpcRegister.DescFlagSourceHost);
            ring.Add(EpcRig.WindowAddress, FakeGuest.RamAddress + 0x10_0000, 1 << 20, 0);
            ring.Submit();
            rig.Commit(EpcRegister.FnIntx, 1);
            rig.Device.Reset();
            Assert.That(rig.Read(EpcRegister.LinkStatus) & EpcRegister.LinkStatusUp, Is.Zero);
            Assert.That(rig.Read(EpcRig.Dma(i % 16, EpcRegister.DmaStatus)), Is.Zero);
            rig.ProgramControllerBars();
        }

        stop.Cancel();
        Assert.That(Task.WaitAll(hosts, EpcRig.Limit), Is.True);
    }

    private static void Feed(EpcRig rig, int channel, CancellationToken stop)
    {
        ulong ringAddress = DmaRing.DefaultAddress + ((ulong)channel * 4096);
        var ring = new DmaRing(rig, channel, 16, ringAddress);
        ring.Enable();
        while (!stop.IsCancellationRequested)
        {
            for (int i = 0; i < 15; i++)
            {
                ring.Add(EpcRig.WindowAddress, FakeGuest.RamAddress + 0x10_0000 + ((ulong)channel << 16), 256, 0);
            }

            uint end = (ring.Head + 15) % 16;
            ring.Submit();
            SpinWait.SpinUntil(() => ring.Head == end, EpcRig.Limit);
        }
    }

    private static void Access(EpcRig rig, byte value, CancellationToken stop)
    {
        byte[] data = new byte[BarSize];
        Array.Fill(data, value);
        byte[] read = new byte[64];
        while (!stop.IsCancellationRequested)
        {
            rig.HostFunction.WriteBar(0, 0, data);
            rig.HostFunction.ReadBar(0, 128, read);
        }
    }

    private static void Configure(EpcRig rig, CancellationToken stop)
    {
        for (uint i = 0; !stop.IsCancellationRequested; i++)
        {
            rig.HostWrites(PciRegister.Command, (i & 7) | ((i & 8) << 7));
            rig.HostWrites(PciRegister.BaseAddress0, i << 12);
            rig.HostFunction.ResetByHost(ResetKind.Hot);
            rig.HostFunction.ResolveInbound(0);
            rig.HostFunction.Describe();
        }
    }

    private static void Appear(EpcRig rig, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            rig.Endpoint.HostPresenceChanged(false);
            rig.Endpoint.HostPresenceChanged(true);
            Thread.Sleep(1);
        }
    }
}
