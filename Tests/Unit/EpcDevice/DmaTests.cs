using EpfTest.EpcDevice.Dma;
using EpfTest.EpcDevice.Registers;
using EpfTest.Kit;
using EpfTest.Kit.EpcDevice;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.Unit.EpcDevice;

[TestFixture]
internal sealed class DmaTests
{
    private const ulong Ram = FakeGuest.RamAddress + 0x10_0000;
    private const ulong Host = FakeHostLink.MemoryAddress;
    private const uint FromHost = EpcRegister.DescFlagSourceHost;
    private const uint ToHost = EpcRegister.DescFlagDestinationHost;

    private EpcRig _rig = null!;
    private DmaRing _ring = null!;

    [SetUp]
    public void CreateRig()
    {
        _rig = EpcRig.WithHost();
        TestContext.CurrentContext.Random.NextBytes(_rig.Host.Memory);
        _ring = new DmaRing(_rig);
    }

    [TearDown]
    public void DisposeRig() => _rig.Dispose();

    [TestCase(1)]
    [TestCase(4)]
    [TestCase(4099)]
    [TestCase((1 << 20) + 3)]
    public void BytesMoveBetweenHostAndGuestInBothDirections(int length)
    {
        _ring.Enable();
        Assert.That(_ring.Copy(Host + 5, Ram + 3, length, FromHost), Is.EqualTo(DmaStatus.Done));
        Assert.That(_rig.Guest.Read(Ram + 3, length).AsSpan().SequenceEqual(_rig.Host.Memory.AsSpan(5, length)));

        Assert.That(_ring.Copy(Ram + 3, Host + 0x20_0000, length, ToHost), Is.EqualTo(DmaStatus.Done));
        Assert.That(
            _rig.Host.Memory.AsSpan(0x20_0000, length).SequenceEqual(_rig.Host.Memory.AsSpan(5, length)));
    }

    [Test]
    public void BytesMoveInsideTheGuestAlsoWithoutALink()
    {
        byte[] bytes = _rig.Host.Memory[..3000];
        _rig.Guest.Write(Ram, bytes);
        _rig.Write(EpcRegister.LinkControl, 0);
        _ring.Enable();
        Assert.That(_ring.Copy(Ram, Ram + 0x1_0000, 3000, 0), Is.EqualTo(DmaStatus.Done));
        Assert.That(_rig.Guest.Read(Ram + 0x1_0000, 3000), Is.EqualTo(bytes));
        Assert.That(_ring.Copy(Ram, FakeGuest.MessageAddress, 100, 0), Is.EqualTo(DmaStatus.Done));
        Assert.That(_rig.Guest.MessageMemory[..100], Is.EqualTo(bytes[..100]));
    }

    [Test]
    public void WindowAddressesAreTranslatedAcrossEntries()
    {
        _rig.UnmapOutbound(0);
        _rig.MapOutbound(0, 0, 0x1000, Host + 0x8000);
        _rig.MapOutbound(1, 0x1000, 0x1000, Host);
        _ring.Enable();
        Assert.That(_ring.Copy(EpcRig.WindowAddress + 0xff0, Ram, 0x20, 0), Is.EqualTo(DmaStatus.Done));
        Assert.That(
            _rig.Guest.Read(Ram, 0x20), Is.EqualTo(_rig.Host.Memory[0x8ff0..0x9000].Concat(_rig.Host.Memory[..0x10])));

        Assert.That(_ring.Copy(Ram, EpcRig.WindowAddress + 0x100, 0x20, 0), Is.EqualTo(DmaStatus.Done));
        Assert.That(_rig.Host.Memory[0x8100..0x8120], Is.EqualTo(_rig.Guest.Read(Ram, 0x20)));
        Assert.That(
            _ring.Copy(EpcRig.WindowAddress + 0x1ff0, Ram, 0x20, 0), Is.EqualTo(DmaStatus.SourceError), "a hole");
        Assert.That(_ring.Copy(Ram, EpcRig.WindowAddress + 0x2000, 4, 0), Is.EqualTo(DmaStatus.DestinationError));
    }

    [TestCase(Ram, Ram + 64, 0, 0u, EpcRegister.DescStatusBadDescriptor)]
    [TestCase(Ram, Ram + 64, 4, 8u, EpcRegister.DescStatusBadDescriptor)]
    [TestCase(ulong.MaxValue, Ram, 4, FromHost, EpcRegister.DescStatusBadDescriptor)]
    [TestCase(0ul, Ram, 4, 0u, EpcRegister.DescStatusSourceError)]
    [TestCase(0ul, Ram, 4, FromHost, EpcRegister.DescStatusSourceError)]
    [TestCase(EpcRig.RegistersAddress, Ram, 4, 0u, EpcRegister.DescStatusSourceError)]
    [TestCase(Ram, 0ul, 4, 0u, EpcRegister.DescStatusDestinationError)]
    [TestCase(Ram, 0ul, 4, ToHost, EpcRegister.DescStatusDestinationError)]
    [TestCase(Ram, EpcRig.MsixAddress, 4, 0u, EpcRegister.DescStatusDestinationError)]
    public void AFailedDescriptorSaysWhyAndTheNextIsDone(
        ulong source, ulong destination, int length, uint flags, uint status)
    {
        _ring.Enable();
        int failed = _ring.Add(source, destination, length, flags);
        Assert.That(_ring.Copy(Ram, Ram + 0x1000, 16, 0), Is.EqualTo(DmaStatus.Done));
        Assert.That((uint)_ring.Status(failed), Is.EqualTo(status));
        Assert.That(_ring.Head, Is.EqualTo(2));
    }

    [Test]
    public void WithoutBusMasteringOrLinkTheHostIsNotReached()
    {
        bool reached = false;
        _rig.Host.DuringRequest = _ => reached = true;
        _ring.Enable();
        _rig.SetCommand(PciCommand.MemorySpaceEnable);
        Assert.That(_ring.Copy(Host, Ram, 4, FromHost), Is.EqualTo(DmaStatus.NotBusMaster));
        Assert.That(_ring.Copy(Ram, EpcRig.WindowAddress, 4, 0), Is.EqualTo(DmaStatus.NotBusMaster));
        _rig.Write(EpcRegister.LinkControl, 0);
        Assert.That(_ring.Copy(Ram, Host, 4, ToHost), Is.EqualTo(DmaStatus.LinkDown));
        Assert.That(reached, Is.False);
    }

    [Test]
    public void ATimeoutIsAnErrorOfItsSide()
    {
        _ring.Enable();
        _rig.Host.Error = RequestStatus.CompletionTimeout;
        Assert.That(_ring.Copy(Host, Ram, 4, FromHost), Is.EqualTo(DmaStatus.SourceError));
        Assert.That(_ring.Copy(Ram, Host, 4, ToHost), Is.EqualTo(DmaStatus.DestinationError));
    }

    [TestCase(2)]
    [TestCase(16)]
    public void TheRingWraps(int size)
    {
        _ring = new DmaRing(_rig, 15, size);
        _ring.Enable();
        for (int i = 0; i < 100; i++)
        {
            _rig.Guest.Write(Ram, BitConverter.GetBytes(i));
            Assert.That(_ring.Copy(Ram, Ram + 0x1000, 4, 0), Is.EqualTo(DmaStatus.Done));
            Assert.That(_rig.Guest.Read(Ram + 0x1000, 4), Is.EqualTo(BitConverter.GetBytes(i)));
        }

        Assert.That(_ring.Head, Is.EqualTo(100 % size));
    }

    [Test]
    public void DescriptorsOfABatchCompleteInTheirOrder()
    {
        _ring = new DmaRing(_rig, 1, 512);
        for (int i = 0; i < 300; i++)
        {
            _rig.Guest.Write(Ram + (ulong)(i * 4), BitConverter.GetBytes(i));
            _ring.Add(Ram + (ulong)(i * 4), Ram + 0x1_0000, 4, i == 299 ? EpcRegister.DescFlagInterrupt : 0);
        }

        _ring.Enable();
        _ring.Submit();
        _rig.Guest.WaitForVector(_ring.Vector);
        Assert.That(_rig.Guest.Read(Ram + 0x1_0000, 4), Is.EqualTo(BitConverter.GetBytes(299)));
        Assert.That(Enumerable.Range(0, 300).Select(_ring.Status), Is.All.EqualTo(DmaStatus.Done));
        Assert.That(_ring.Head, Is.EqualTo(300));
    }

    [Test]
    public void StatusComesBeforeHeadAndHeadBeforeTheInterrupt()
    {
        // While the second descriptor is under way, the first must be complete in all three ways.
        string seen = "";
        _rig.Host.DuringRequest = address =>
        {
            if (address == Host + 4)
            {
                seen = $"{_ring.Status(0)} {_ring.Head} {_rig.Guest.Fired(_ring.Vector)}, {_ring.Status(1)}";
            }
        };
        _ring.Enable();
        _ring.Add(Host, Ram, 4, FromHost | EpcRegister.DescFlagInterrupt);
        _rig.Guest.Write(Ram, new byte[8]);
        _ring.Add(Host + 4, Ram + 4, 4, FromHost);
        _ring.Submit();
        Assert.That(SpinWait.SpinUntil(() => _ring.Head == 2, EpcRig.Limit), Is.True);
        Assert.That(seen, Is.EqualTo("Done 1 1, Pending"));
    }

    [Test]
    public void TheInterruptIsAnEdgeThatNoCompletionIsLostBy()
    {
        _ring.Enable();
        _rig.Write(EpcRig.Dma(0, EpcRegister.DmaIrqMask), EpcRegister.DmaIrqDescriptor);
        _ring.Add(Ram, Ram + 64, 4, EpcRegister.DescFlagInterrupt);
        _ring.Submit();
        Assert.That(SpinWait.SpinUntil(() => _ring.Head == 1, EpcRig.Limit), Is.True);
        Assert.That(_rig.Guest.Fired(_ring.Vector), Is.Zero, "masked");
        Assert.That(_rig.Read(EpcRig.Dma(0, EpcRegister.DmaIrqStatus)), Is.EqualTo(EpcRegister.DmaIrqDescriptor));

        _rig.Write(EpcRig.Dma(0, EpcRegister.DmaIrqMask), 0);
        Assert.That(_rig.Guest.Fired(_ring.Vector), Is.EqualTo(1));
        _rig.Write(EpcRig.Dma(0, EpcRegister.DmaIrqStatus), EpcRegister.DmaIrqDescriptor);
        Assert.That(_rig.Guest.Fired(_ring.Vector), Is.Zero);
        Assert.That(_rig.Read(EpcRig.Dma(0, EpcRegister.DmaIrqStatus)), Is.Zero);
    }

    [TestCase(DmaRing.DefaultAddress + 16, 16, Description = "misaligned")]
    [TestCase(DmaRing.DefaultAddress, 3, Description = "no power of two")]
    [TestCase(DmaRing.DefaultAddress, 1, Description = "too small")]
    [TestCase(DmaRing.DefaultAddress, 131072, Description = "too large")]
    public void AnImpossibleRingIsARingError(ulong address, int size)
    {
        _ring = new DmaRing(_rig, 0, size, address);
        _ring.Enable();
        ExpectRingError();
    }

    [Test]
    public void ARingWithoutMemoryIsARingErrorUntilItIsReset()
    {
        _rig.Write64(EpcRig.Dma(0, EpcRegister.DmaRingLo), 0x7_0000_0000);
        _rig.Write(EpcRig.Dma(0, EpcRegister.DmaRingSize), 16);
        _rig.Write(EpcRig.Dma(0, EpcRegister.DmaIrqMask), 0);
        _rig.Write(EpcRig.Dma(0, EpcRegister.DmaControl), EpcRegister.DmaControlEnable);
        _rig.Write(EpcRig.Dma(0, EpcRegister.DmaTail), 1);
        ExpectRingError();

        _rig.Write(EpcRig.Dma(0, EpcRegister.DmaControl), EpcRegister.DmaControlReset);
        Assert.That(_rig.Read(EpcRig.Dma(0, EpcRegister.DmaStatus)), Is.Zero);
        Assert.That(_rig.Read(EpcRig.Dma(0, EpcRegister.DmaTail)), Is.Zero);
        _ring.Enable();
        Assert.That(_ring.Copy(Ram, Ram + 64, 4, 0), Is.EqualTo(DmaStatus.Done));
    }

    [Test]
    public void ATailOutsideOfTheRingIsARingError()
    {
        _ring.Enable();
        _rig.Write(EpcRig.Dma(0, EpcRegister.DmaTail), 16);
        ExpectRingError();
    }

    [Test]
    public void TheRingKeepsItsPlaceWhileTheChannelIsEnabled()
    {
        _ring.Enable();
        _rig.Write(EpcRig.Dma(0, EpcRegister.DmaRingSize), 4);
        _rig.Write64(EpcRig.Dma(0, EpcRegister.DmaRingLo), 0);
        Assert.That(_rig.Read(EpcRig.Dma(0, EpcRegister.DmaRingSize)), Is.EqualTo(16));
        Assert.That(_rig.Read64(EpcRig.Dma(0, EpcRegister.DmaRingLo)), Is.EqualTo(DmaRing.DefaultAddress));
    }

    [TestCase(EpcRegister.DmaControlReset)]
    [TestCase(0u)]
    public void StoppingWaitsForThePieceUnderWayAndNothingComesAfter(uint control)
    {
        using var inside = new ManualResetEventSlim();
        using var goOn = new ManualResetEventSlim();
        bool left = false;
        _rig.Host.DuringRequest = _ =>
        {
            inside.Set();
            goOn.Wait(EpcRig.Limit);
            Volatile.Write(ref left, true);
        };
        _ring.Enable();
        int index = _ring.Add(Host, Ram, 4, FromHost | EpcRegister.DescFlagInterrupt);
        _rig.Guest.Write(Ram, new byte[4]);
        _ring.Submit();
        Assert.That(inside.Wait(EpcRig.Limit), Is.True);
        Assert.That(_rig.Read(EpcRig.Dma(0, EpcRegister.DmaStatus)), Is.EqualTo(EpcRegister.DmaStatusRunning));

        Task stop = Task.Run(() => _rig.Write(EpcRig.Dma(0, EpcRegister.DmaControl), control));
        Wait.Until(
            () => (_rig.Read(EpcRig.Dma(0, EpcRegister.DmaControl)) & EpcRegister.DmaControlEnable) == 0,
            "it has begun");
        Assert.That(stop.IsCompleted, Is.False, "it waits");
        goOn.Set();
        Assert.That(stop.Wait(EpcRig.Limit), Is.True);
        Assert.That(left, Is.True);

        Assert.That(_rig.Read(EpcRig.Dma(0, EpcRegister.DmaStatus)), Is.Zero);
        Assert.That(_ring.Head, Is.Zero);
        Assert.That(_ring.Status(index), Is.EqualTo(DmaStatus.Pending));
        Assert.That(_rig.Guest.Read(Ram, 4), Is.EqualTo(new byte[4]));
        Assert.That(_rig.Guest.Fired(_ring.Vector), Is.Zero);
        if (control == 0)
        {
            _rig.Host.DuringRequest = null;
            _rig.Write(EpcRig.Dma(0, EpcRegister.DmaControl), EpcRegister.DmaControlEnable);
            _rig.Guest.WaitForVector(_ring.Vector);
            Assert.That(_ring.Status(index), Is.EqualTo(DmaStatus.Done), "it was done again from its start");
        }
    }

    [Test]
    public void StoppingDoesNotWaitForMemoryThatItsOwnThreadHasToAnswerFor()
    {
        using var inside = new ManualResetEventSlim();
        using var answered = new ManualResetEventSlim();
        _rig.Guest.DuringMessage = () =>
        {
            inside.Set();
            Assert.That(answered.Wait(EpcRig.Limit), Is.True);
        };
        _ring.Enable();
        int index = _ring.Add(FakeGuest.MessageAddress, Ram, 4, EpcRegister.DescFlagInterrupt);
        _ring.Submit();
        Assert.That(inside.Wait(EpcRig.Limit), Is.True);

        _rig.Write(EpcRig.Dma(0, EpcRegister.DmaControl), EpcRegister.DmaControlReset);
        answered.Set();
        Assert.That(
            SpinWait.SpinUntil(() => _rig.Read(EpcRig.Dma(0, EpcRegister.DmaStatus)) == 0, EpcRig.Limit), Is.True);
        Assert.That(_ring.Status(index), Is.EqualTo(DmaStatus.Pending));
        Assert.That(_ring.Head, Is.Zero);
        Assert.That(_rig.Guest.Fired(_ring.Vector), Is.Zero);
    }

    [Test]
    public void ChannelsWorkSideBySide()
    {
        DmaRing[] rings = [.. Enumerable.Range(
            0, 16).Select(i => new DmaRing(_rig, i, 4, DmaRing.DefaultAddress + (ulong)(i * 128)))];
        foreach (DmaRing ring in rings)
        {
            ring.Enable();
            ring.Add(Host, Ram + (ulong)(ring.Vector * 0x1_0000), 0x1_0000, FromHost | EpcRegister.DescFlagInterrupt);
            ring.Submit();
        }

        foreach (DmaRing ring in rings)
        {
            _rig.Guest.WaitForVector(ring.Vector);
            Assert.That(_rig.Guest.Read(Ram + (ulong)(ring.Vector * 0x1_0000), 16), Is.EqualTo(_rig.Host.Memory[..16]));
        }
    }

    private void ExpectRingError()
    {
        _rig.Guest.WaitForVector(_ring.Vector);
        Assert.That(_rig.Read(EpcRig.Dma(0, EpcRegister.DmaStatus)) & EpcRegister.DmaStatusRingError, Is.Not.Zero);
        Assert.That(_rig.Read(EpcRig.Dma(0, EpcRegister.DmaIrqStatus)), Is.EqualTo(EpcRegister.DmaIrqRingError));
        Assert.That(_rig.Read(EpcRig.Dma(0, EpcRegister.DmaControl)) & EpcRegister.DmaControlEnable, Is.Zero);
    }
}
