using EpfTest.Kit;
using EpfTest.Kit.Pair;
using EpfTest.Protocol.Hosting;

namespace EpfTest.Pair;

/// <summary>The host's accesses to BARs, and where they lead.</summary>
internal sealed class BarTests(DataPath dataPath) : PairFixture(dataPath)
{
    private const ulong ElsewhereFile = 0xf0_0000;
    private const ulong Elsewhere = 0x2000_0000;

    [TestCase(0u, 1)]
    [TestCase(0x1003u, 1)]
    [TestCase(0x1002u, 2)]
    [TestCase(0x1001u, 2)]
    [TestCase(0x1004u, 4)]
    [TestCase(0x1005u, 4)]
    [TestCase(0x1008u, 8)]
    [TestCase(0x100bu, 8)]
    [TestCase(0x0fffu, 3)]
    [TestCase(0x0001u, 0xfffe)]
    [TestCase(0u, EpGuest.BarSize)]
    public void AccessesReachTheEpsMemoryAndBack(uint offset, int length)
    {
        HostGuest host = BringUp();
        byte[] data = TestBytes.From(offset, length);
        ulong target = EpGuest.TargetOf(0, 3) + offset;
        Ep.Store(EpGuest.TargetOf(0, 3), new byte[EpGuest.BarSize]);
        host.Write(3, offset, data);
        Assert.That(host.Read(3, offset, length), Is.EqualTo(data));
        Assert.That(Ep.Load(target, length), Is.EqualTo(data));
        Assert.That(
            Ep.Load(EpGuest.TargetOf(0, 3), EpGuest.BarSize).Count(value => value != 0),
            Is.EqualTo(data.Count(value => value != 0)));
        Ep.Store(target, TestBytes.From(offset + 99, length));
        Assert.That(host.Read(3, offset, length), Is.EqualTo(TestBytes.From(offset + 99, length)));
    }

    /// <summary>EpcDevice drops what is larger than Device Control allows, as a malformed TLP.</summary>
    [Test]
    public void PayloadsAreAsLargeAsDeviceControlAllows()
    {
        HostGuest host = BringUp();
        host.Read(7, 0, 4096);
        uint control = host.FindCapability(0x10) + 8;
        foreach (uint size in (uint[])[2, 0, 1, 7, 0])
        {
            host.WriteConfig16(control, (ushort)((ReadControl() & ~0xe0u) | size << 5));
            byte[] data = TestBytes.From(size, 5000);
            host.Write(3, 0x123, data);
            Assert.That(host.Read(3, 0x123, data.Length), Is.EqualTo(data), $"Max_Payload_Size {128 << (int)size}");
        }

        host.ResetFunction();
        host.Enable();
        host.Write(3, 1, TestBytes.From(99, 5000));
        Assert.That(host.Read(3, 1, 5000), Is.EqualTo(TestBytes.From(99, 5000)));

        uint ReadControl() => host.ReadConfig(control) & 0xffff;
    }

    [Test]
    public void PostedWritesArriveBeforeALaterRead()
    {
        HostGuest host = BringUp();
        for (uint i = 0; i < 300; i++)
        {
            host.Post(0, i * 4 % EpGuest.BarSize, BitConverter.GetBytes(i));
            if (i % 7 == 0)
            {
                Assert.That(host.Read32(0, i * 4 % EpGuest.BarSize), Is.EqualTo(i));
            }
        }
    }

    [Test]
    public void SubRangesLeadToTheirTargets()
    {
        Ep.SetUp(0);
        Ep.SetBar(
            0,
            1,
            EpGuest.BarSize,
            0,
            (0x0000, 0x1000, 0x60_0000),
            (0x1000, 0x3000, 0x50_0000),
            (0x8000, 0x0800, 0x70_0000));
        Ep.LinkUp();
        HostGuest host = ConnectHost();
        byte[] data = TestBytes.From(7, 0x4000);
        host.Write(1, 0, data);
        Assert.That(host.Read(1, 0, 0x4000), Is.EqualTo(data));
        Assert.That(Ep.Load(0x60_0000, 0x1000), Is.EqualTo(data[..0x1000]));
        Assert.That(Ep.Load(0x50_0000, 0x3000), Is.EqualTo(data[0x1000..]));
        host.WriteThrough(1, 0x87fc, 0x1234_5678);
        Assert.That(Ep.Load32(0x70_07fc), Is.EqualTo(0x1234_5678));
        Assert.That(host.Read32(1, 0x8800), Is.EqualTo(uint.MaxValue), "behind the last");
        Assert.That(host.Read32(1, 0x4000), Is.EqualTo(uint.MaxValue), "between two");
    }

    [Test]
    public void BarWithoutTranslationReadsAllOnes()
    {
        Ep.SetUp(0);
        Ep.SetBar(0, 1, EpGuest.BarSize, 0);
        Ep.LinkUp();
        HostGuest host = ConnectHost();
        host.Write32(1, 0, 5);
        Assert.That(host.Read(1, 0, 64), Is.All.EqualTo(byte.MaxValue));
    }

    [Test]
    public void ClearedBarReadsAllOnes()
    {
        HostGuest host = BringUp();
        host.WriteThrough(1, 0, 5);
        Ep.ClearBar(0, 1);
        host.Write32(1, 0, 6);
        Assert.That(host.Read32(1, 0), Is.EqualTo(uint.MaxValue));
        Assert.That(Ep.Load32(EpGuest.TargetOf(0, 1)), Is.EqualTo(5));
        Assert.That(host.Read32(2, 0), Is.Not.EqualTo(uint.MaxValue), "other BARs stay");
    }

    [Test]
    public void IoBarIsReachedByteByByte()
    {
        const ulong Target = 0x50_0000;
        Ep.SetUp(0);
        Ep.SetBar(0, 3, 0x100, 1, (0, 0x100, Target));
        Ep.LinkUp();
        HostGuest host = ConnectHost();
        byte[] data = TestBytes.From(1, 0x100);
        Ep.Store(Target, data);
        for (int length = 1; length <= 8; length++)
        {
            for (uint offset = 0; offset < 8; offset++)
            {
                Assert.That(
                    host.Read(3, offset, length),
                    Is.EqualTo(data[(int)offset..((int)offset + length)]),
                    $"{offset} {length}");
                TestBytes.From(offset, length).CopyTo(data, offset);
                host.Write(3, offset, TestBytes.From(offset, length));
                Assert.That(Ep.Load(Target, 0x100), Is.EqualTo(data), $"{offset} {length}");
            }
        }

        Assert.That(host.Read(3, 0xff, 1), Is.EqualTo(data[0xff..]));
    }

    [Test]
    [Category("Stress")]
    public void NothingGoesThroughTheOldTranslationOnceResultIsRead()
    {
        const int Rounds = 30;
        ulong[] targets = [0x50_0000, 0x60_0000];
        HostGuest host = BringUp();
        byte[] data = new byte[512];
        using var loop = new StressLoop(round =>
        {
            data.AsSpan().Fill((byte)round);
            host.Post(1, 0, data);
            host.WriteThrough(1, 0x200, (uint)round);
        });
        for (int round = 0; round < Rounds; round++)
        {
            Ep.SetBar(0, 1, EpGuest.BarSize, 0, (0, EpGuest.BarSize, targets[round % 2]));
            ulong old = round == 0 ? EpGuest.TargetOf(0, 1) : targets[(round + 1) % 2];
            byte[] then = Ep.Load(old, 0x204);
            byte[] now = Ep.Load(targets[round % 2], 0x204);
            loop.WaitForMore(4);
            Assert.That(Ep.Load(old, 0x204), Is.EqualTo(then), $"round {round}");
            Assert.That(Ep.Load(targets[round % 2], 0x204), Is.Not.EqualTo(now), $"round {round}");
        }
    }

    [TestCase(1, Elsewhere, (ulong)EpGuest.BarSize)]
    [TestCase(4, Elsewhere, (ulong)EpGuest.BarSize)]
    [TestCase(16, 0x2000_0000ul, 0x2000_0000ul, TestName = "{m}(16 ranges, and more)")]
    [Category("Stress")]
    public void NothingIsWrittenOnceTheEpsMemoryIsUnmapped(int ranges, ulong unmapped, ulong unmappedSize)
    {
        Ep.SetUp(0);
        Ep.Map(Elsewhere, EpGuest.BarSize, ElsewhereFile, ranges);
        Ep.SetBar(0, 1, EpGuest.BarSize, 0, (0, EpGuest.BarSize, Elsewhere));
        Ep.LinkUp();
        HostGuest host = ConnectHost();
        byte[] data = new byte[4096];
        using var loop = new StressLoop(round =>
        {
            data.AsSpan().Fill((byte)round);
            host.Write(1, 0, data);
            host.WriteThrough(1, 0x2000, (uint)round);
        });
        for (int round = 0; round < 20; round++)
        {
            loop.WaitForMore();
            Ep.Unmap(unmapped, unmappedSize);
            byte[] then = Ep.Load(ElsewhereFile, 0x2004);
            loop.WaitForMore();
            Assert.That(Ep.Load(ElsewhereFile, 0x2004), Is.EqualTo(then), $"round {round}");
            Ep.Map(Elsewhere, EpGuest.BarSize, ElsewhereFile, ranges);
            loop.WaitForMore();
            Assert.That(Ep.Load(ElsewhereFile, 0x2004), Is.Not.EqualTo(then), $"round {round}");
        }
    }

    [Test]
    public void MemoryThatTheEpsQemuDoesNotShareIsReachedToo()
    {
        Ep.MapPrivateMemory();
        Ep.SetUp(0);
        Ep.SetBar(
            0,
            1,
            EpGuest.BarSize,
            0,
            (0, 0x1000, GuestClient.PrivateStart + 0x1000),
            (0x1000, 0x1000, 0x50_0000));
        Ep.LinkUp();
        HostGuest host = ConnectHost();
        byte[] data = TestBytes.From(3, 0x1800);
        host.Write(1, 0x400, data);
        Assert.That(host.Read(1, 0x400, 0x1800), Is.EqualTo(data));
        Assert.That(Ep.Load(GuestClient.PrivateStart + 0x1400, 0xc00), Is.EqualTo(data[..0xc00]));
        Assert.That(Ep.Load(0x50_0000, 0xc00), Is.EqualTo(data[0xc00..]));
    }

    [Test]
    [Category("Stress")]
    public void AccessesOfBothGuestsMeetWhereTheEpsMemoryIsNotShared()
    {
        Ep.MapPrivateMemory();
        Ep.SetUp(0);
        Ep.SetBar(0, 1, EpGuest.BarSize, 0, (0, 0x1000, GuestClient.PrivateStart));
        Ep.LinkUp();
        HostGuest host = ConnectHost();
        host.Store(0x5000, [1, 2, 3, 4]);
        Ep.MapOutbound(0, 0, 0x1000, 0x5000);
        using var loop = new StressLoop(_ => Assert.That(Ep.ReadWindow(0, 4), Is.EqualTo(new byte[] { 1, 2, 3, 4 })));
        for (uint round = 0; round < 500; round++)
        {
            host.Post(1, 8, BitConverter.GetBytes(round));
            Assert.That(host.Read32(1, 8), Is.EqualTo(round), "a read pushes a write");
            Assert.That(Ep.Load32(GuestClient.PrivateStart + 8), Is.EqualTo(round));
        }

        loop.WaitForMore();
    }

    [Test]
    public void PostedWritesToMemoryThatIsNotSharedDoNotPileUp()
    {
        Ep.MapPrivateMemory();
        Ep.SetUp(0);
        Ep.SetBar(0, 1, EpGuest.BarSize, 0, (0, EpGuest.BarSize, GuestClient.PrivateStart));
        Ep.LinkUp();
        HostGuest host = ConnectHost();
        for (uint i = 0; i < EpGuest.BarSize / sizeof(uint); i++)
        {
            host.Post(1, i * sizeof(uint), BitConverter.GetBytes(i));
        }

        Assert.That(host.Read32(1, EpGuest.BarSize - sizeof(uint)), Is.EqualTo((EpGuest.BarSize / sizeof(uint)) - 1));
    }

    [Test]
    public void ABarWhoseSpaceIsDisabledReadsAllOnesAndTakesNothing()
    {
        HostGuest host = BringUp();
        host.WriteThrough(0, 0x100, 0x1234_5678);
        host.SetCommand(4);
        Assert.That(host.Read32(0, 0x100), Is.EqualTo(uint.MaxValue));
        host.WriteThrough(0, 0x100, 0);
        host.SetCommand(6);
        Assert.That(host.Read32(0, 0x100), Is.EqualTo(0x1234_5678));
    }

    [Test]
    public void AFunctionLevelResetDisablesItsBars()
    {
        HostGuest host = BringUp();
        host.WriteThrough(0, 0x100, 0x1234_5678);
        host.ResetFunction();
        Assert.That(host.Read32(0, 0x100), Is.EqualTo(uint.MaxValue));
        host.SetCommand(6);
        Assert.That(host.Read32(0, 0x100), Is.EqualTo(0x1234_5678), "QEMU does not place BARs anew");
    }

    [Test]
    public void WhatIsNotSupportedIsRecorded()
    {
        HostGuest host = BringUp();
        const ulong CorrectableStatus = 0x100 + 0x10;
        const uint AdvisoryNonFatal = 1 << 13;
        Ep.SetBar(0, 3, EpGuest.BarSize, 0, (0, EpGuest.BarSize / 2, EpGuest.TargetOf(0, 3)));
        Assert.That(host.Read32(3, EpGuest.BarSize / 2), Is.EqualTo(uint.MaxValue));
        Wait.Until(() => host.ReadConfig(CorrectableStatus) == AdvisoryNonFatal, "AER records the error");
        Assert.That(
            host.ReadConfig(host.FindCapability(0x10) + 8) >> 16 & 8, Is.EqualTo(8), "Device Status records the error");
    }
}
