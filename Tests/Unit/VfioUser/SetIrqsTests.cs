using EpfTest.Kit;
using EpfTest.Kit.VfioUser;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.VfioUser;

namespace EpfTest.Unit.VfioUser;

/// <summary>VFIO_USER_DEVICE_SET_IRQS, and what a device's interrupts do with that set-up.</summary>
[NonParallelizable]
internal sealed class SetIrqsTests : ConnectedFixture
{
    private const uint SetTrigger = RawIrq.EventFd | RawIrq.Trigger;

    private readonly List<EventFd> _signals = [];

    private InterruptTable Interrupts => Server.Interrupts;

    private static IEnumerable<TestCaseData> RefusedSetups()
    {
        const uint TriggerNone = RawIrq.Trigger | RawIrq.None;
        yield return Case("argsz too small", RawPayload.IrqSet(RawIrq.Req, TriggerNone, 0, 0, argsz: 3));
        yield return Case("no such index", RawPayload.IrqSet(5, TriggerNone, 0, 0));
        yield return Case("negative index", RawPayload.IrqSet(uint.MaxValue, TriggerNone, 0, 0));
        yield return Case(
            "mask and unmask", RawPayload.IrqSet(RawIrq.Msix, RawIrq.None | RawIrq.Mask | RawIrq.Unmask, 0, 1));
        yield return Case("mask and trigger", RawPayload.IrqSet(RawIrq.Msix, TriggerNone | RawIrq.Mask, 0, 1));
        yield return Case("no action", RawPayload.IrqSet(RawIrq.Msix, RawIrq.None, 0, 1));
        yield return Case("none and bool", RawPayload.IrqSet(RawIrq.Msix, TriggerNone | RawIrq.Bool, 0, 1, null, 1));
        yield return Case("none and eventfd", RawPayload.IrqSet(RawIrq.Msix, TriggerNone | RawIrq.EventFd, 0, 1));
        yield return Case("no data type", RawPayload.IrqSet(RawIrq.Msix, RawIrq.Trigger, 0, 1));
        yield return Case("unknown flag", RawPayload.IrqSet(RawIrq.Msix, TriggerNone | (1 << 6), 0, 1));
        yield return Case("range across the end", RawPayload.IrqSet(RawIrq.Msix, TriggerNone, 2047, 2));
        yield return Case("start beyond the end", RawPayload.IrqSet(RawIrq.Msix, TriggerNone, 2049, 1));
        yield return Case("start at the end", RawPayload.IrqSet(RawIrq.Msix, TriggerNone, 2048, 1));
        yield return Case("range that wraps", RawPayload.IrqSet(RawIrq.Msix, SetTrigger, 284, uint.MaxValue));
        yield return Case("mask of ERR", RawPayload.IrqSet(RawIrq.Err, RawIrq.None | RawIrq.Mask, 0, 1));
        yield return Case("unmask of REQ", RawPayload.IrqSet(RawIrq.Req, RawIrq.None | RawIrq.Unmask, 0, 1));
        yield return Case("two of ERR", RawPayload.IrqSet(RawIrq.Err, TriggerNone, 0, 2));
        yield return Case("two of REQ", RawPayload.IrqSet(RawIrq.Req, TriggerNone, 0, 2));
        yield return Case("start with count 0", RawPayload.IrqSet(RawIrq.Msix, TriggerNone, 1, 0));
        yield return Case("mask with count 0", RawPayload.IrqSet(RawIrq.Msix, RawIrq.None | RawIrq.Mask, 0, 0));
        yield return Case("bool with count 0", RawPayload.IrqSet(RawIrq.Msix, RawIrq.Bool | RawIrq.Trigger, 0, 0));
        yield return Case("eventfd with count 0", RawPayload.IrqSet(RawIrq.Msix, SetTrigger, 0, 0));
        yield return Case("too few bools", RawPayload.IrqSet(RawIrq.Msix, RawIrq.Bool | RawIrq.Trigger, 0, 2, null, 0));
        yield return Case(
            "too many bools", RawPayload.IrqSet(RawIrq.Msix, RawIrq.Bool | RawIrq.Trigger, 0, 2, null, 0, 0, 0));
        yield return Case("short", new byte[8]);
        yield return Case("empty", []);

        static TestCaseData Case(string name, byte[] payload) => new TestCaseData(payload).SetArgDisplayNames(name);
    }

    [TearDown]
    public void CloseSignals()
    {
        _signals.ForEach(signal => signal.Dispose());
        _signals.Clear();
    }

    [TestCaseSource(nameof(RefusedSetups))]
    public void BadSetupIsRefused(byte[] payload) =>
        Assert.That(Client.Try(RawCommand.SetIrqs, payload), Is.EqualTo(Errno.EINVAL));

    [TestCase(RawIrq.None, 1u, 1)]
    [TestCase(RawIrq.Bool, 1u, 1)]
    [TestCase(RawIrq.EventFd, 2u, 1)]
    [TestCase(RawIrq.EventFd, 1u, 2)]
    public void DescriptorsThatDoNotFitTheRequestAreRefusedAndClosed(uint data, uint count, int descriptors)
    {
        EventFd[] signals = NewSignals(descriptors);
        int before = OpenDescriptors.Count();
        byte[] bools = data == RawIrq.Bool ? [1] : [];
        byte[] payload = RawPayload.IrqSet(RawIrq.Msix, data | RawIrq.Trigger, 0, count, null, bools);
        Assert.That(Client.Try(RawCommand.SetIrqs, payload, signals), Is.EqualTo(Errno.EINVAL));
        OpenDescriptors.WaitUntilBackTo(before);
        Assert.That(Interrupts.Trigger(IrqIndex.Msix, 0), Is.False);
    }

    [Test]
    public void DescriptorThatIsNoEventFdIsRefusedWithAllOthers()
    {
        using var memfd = Memfd.Create(4096);
        EventFd[] signals = NewSignals(2);
        int before = OpenDescriptors.Count();
        byte[] payload = RawPayload.IrqSet(RawIrq.Msix, SetTrigger, 0, 3);
        Assert.That(
            Client.Try(RawCommand.SetIrqs, payload, signals[0], memfd.Descriptor, signals[1]), Is.EqualTo(
                Errno.EINVAL));
        OpenDescriptors.WaitUntilBackTo(before);
        Assert.That(Interrupts.Trigger(IrqIndex.Msix, 0), Is.False);
    }

    [Test]
    public void InterruptBeforeTheSetupIsLost()
    {
        Assert.That(Interrupts.Trigger(IrqIndex.Msi, 3), Is.False);
        EventFd signal = SetUp(RawIrq.Msi, 3);
        Assert.That(signal.Drain(), Is.Zero);
        Assert.That(Interrupts.Trigger(IrqIndex.Msi, 3), Is.True);
        Assert.That(signal.Drain(), Is.EqualTo(1));
    }

    [Test]
    public void All2048VectorsAreSetUpSixteenAtATimeAndReachTheirOwnEventFd()
    {
        EventFd[] signals = NewSignals(2048);
        for (uint start = 0; start < 2048; start += 16)
        {
            Set(RawIrq.Msix, SetTrigger, start, 16, signals.AsSpan((int)start, 16).ToArray());
        }

        for (int vector = 0; vector < signals.Length; vector++)
        {
            Assert.That(Interrupts.Trigger(IrqIndex.Msix, vector), Is.True);
            Assert.That(signals[vector].Drain(), Is.EqualTo(1), $"vector {vector}");
        }

        Set(RawIrq.Msix, RawIrq.None | RawIrq.Trigger, 0, 0);
        Assert.That(Interrupts.Trigger(IrqIndex.Msix, 2047), Is.False);
        Assert.That(signals.Sum(signal => (long)signal.Drain()), Is.Zero);
    }

    [TestCase(RawIrq.Err)]
    [TestCase(RawIrq.Req)]
    public void ErrAndReqCanBeSetUpTriggeredAndDisabled(uint index)
    {
        EventFd signal = SetUp(index, 0);
        Assert.That(Interrupts.Trigger((IrqIndex)index, 0), Is.True);
        Set(index, RawIrq.None | RawIrq.Trigger, 0, 1);
        Assert.That(signal.Drain(), Is.EqualTo(2));
        Set(index, SetTrigger, 0, 1);
        Set(index, RawIrq.None | RawIrq.Trigger, 0, 0);
        Assert.That(Interrupts.Trigger((IrqIndex)index, 0), Is.False);
        Assert.That(signal.Drain(), Is.Zero);
    }

    [Test]
    public void NewEventFdTakesThePlaceOfTheOld()
    {
        EventFd first = SetUp(RawIrq.Msix, 7);
        EventFd second = SetUp(RawIrq.Msix, 7);
        Interrupts.Trigger(IrqIndex.Msix, 7);
        Assert.That((first.Drain(), second.Drain()), Is.EqualTo((0ul, 1ul)));
    }

    [Test]
    public void DeassignedVectorRemembersOneInterruptUntilItHasAnEventFdAgain()
    {
        EventFd first = SetUp(RawIrq.Msix, 0);
        Set(RawIrq.Msix, SetTrigger, 0, 1);
        Interrupts.Trigger(IrqIndex.Msix, 0);
        Interrupts.Trigger(IrqIndex.Msix, 0);
        Assert.That(first.Drain(), Is.Zero);
        Assert.That(SetUp(RawIrq.Msix, 0).Drain(), Is.EqualTo(1));
    }

    [Test]
    public void DisablingATypeLeavesTheOthersAlone()
    {
        EventFd msi = SetUp(RawIrq.Msi, 0);
        SetUp(RawIrq.Msix, 0);
        Set(RawIrq.Msix, RawIrq.None | RawIrq.Trigger, 0, 0);
        Assert.That(Interrupts.Trigger(IrqIndex.Msi, 0), Is.True);
        Assert.That(msi.Drain(), Is.EqualTo(1));
    }

    [Test]
    public void ClientTriggersTheVectorsThatItsBoolsName()
    {
        EventFd[] signals = [SetUp(RawIrq.Msix, 4), SetUp(RawIrq.Msix, 5), SetUp(RawIrq.Msix, 6)];
        byte[] payload = RawPayload.IrqSet(RawIrq.Msix, RawIrq.Bool | RawIrq.Trigger, 4, 3, null, 0, 1, 255);
        Assert.That(Client.Try(RawCommand.SetIrqs, payload), Is.EqualTo(Errno.None));
        Assert.That(Array.ConvertAll(signals, signal => (int)signal.Drain()), Is.EqualTo(Bits(0, 1, 1)));
        Set(RawIrq.Msix, RawIrq.None | RawIrq.Trigger, 4, 2);
        Assert.That(Array.ConvertAll(signals, signal => (int)signal.Drain()), Is.EqualTo(Bits(1, 1, 0)));
    }

    [Test]
    public void MaskedVectorDeliversOneInterruptWhenItIsUnmasked()
    {
        EventFd signal = SetUp(RawIrq.Msix, 1);
        Set(RawIrq.Msix, RawIrq.None | RawIrq.Mask, 0, 2);
        Assert.That(Interrupts.Trigger(IrqIndex.Msix, 1), Is.True);
        Interrupts.Trigger(IrqIndex.Msix, 1);
        Assert.That(signal.Drain(), Is.Zero);

        byte[] unmaskOther = RawPayload.IrqSet(RawIrq.Msix, RawIrq.Bool | RawIrq.Unmask, 0, 2, null, 1, 0);
        Client.Try(RawCommand.SetIrqs, unmaskOther);
        Assert.That(signal.Drain(), Is.Zero);
        Set(RawIrq.Msix, RawIrq.None | RawIrq.Unmask, 1, 1);
        Assert.That(signal.Drain(), Is.EqualTo(1));
        Interrupts.Trigger(IrqIndex.Msix, 1);
        Assert.That(signal.Drain(), Is.EqualTo(1));
    }

    [Test]
    public void EventFdsMaskAndUnmaskAVector()
    {
        EventFd signal = SetUp(RawIrq.Msi, 2);
        EventFd mask = SetUp(RawIrq.Msi, 2, RawIrq.Mask);
        EventFd unmask = SetUp(RawIrq.Msi, 2, RawIrq.Unmask);
        mask.Signal();
        Wait.Until(
            () =>
            {
                Interrupts.Trigger(IrqIndex.Msi, 2);
                return signal.Drain() == 0;
            },
            "the vector is masked");
        unmask.Signal();
        Wait.Until(() => signal.Drain() == 1, "the pending interrupt is delivered");
    }

    [Test]
    public void AssertedIntxSignalsOnceUntilItIsUnmasked()
    {
        EventFd signal = SetUp(RawIrq.Intx, 0);
        Interrupts.SetIntx(true);
        Interrupts.SetIntx(true);
        Assert.That(signal.Drain(), Is.EqualTo(1));
        Unmask();
        Assert.That(signal.Drain(), Is.EqualTo(1), "it is still asserted");
        Interrupts.SetIntx(false);
        Unmask();
        Assert.That(signal.Drain(), Is.Zero, "it is not asserted any more");
        Interrupts.SetIntx(true);
        Assert.That(signal.Drain(), Is.EqualTo(1));

        void Unmask() => Set(RawIrq.Intx, RawIrq.None | RawIrq.Unmask, 0, 1);
    }

    [Test]
    public void IntxThatIsDeassertedWhileMaskedDoesNotSignal()
    {
        EventFd signal = SetUp(RawIrq.Intx, 0);
        Set(RawIrq.Intx, RawIrq.None | RawIrq.Mask, 0, 1);
        Interrupts.SetIntx(true);
        Interrupts.SetIntx(false);
        Set(RawIrq.Intx, RawIrq.None | RawIrq.Unmask, 0, 1);
        Assert.That(signal.Drain(), Is.Zero);
    }

    [Test]
    public void IntxThatWasAssertedBeforeTheSetupSignalsAtIt()
    {
        Interrupts.SetIntx(true);
        Assert.That(SetUp(RawIrq.Intx, 0).Drain(), Is.EqualTo(1));
        Set(RawIrq.Intx, RawIrq.None | RawIrq.Trigger, 0, 0);
        Assert.That(SetUp(RawIrq.Intx, 0).Drain(), Is.EqualTo(1));
    }

    [Test]
    public void EventFdUnmasksIntx()
    {
        EventFd signal = SetUp(RawIrq.Intx, 0);
        EventFd unmask = SetUp(RawIrq.Intx, 0, RawIrq.Unmask);
        Interrupts.SetIntx(true);
        for (int round = 0; round < 100; round++)
        {
            Wait.Until(() => signal.Drain() == 1, "INTx signals");
            unmask.Signal();
        }

        Set(RawIrq.Intx, RawIrq.EventFd | RawIrq.Unmask, 0, 1);
        Wait.Until(() => signal.Drain() <= 1, "INTx signals for the last time");
        Set(RawIrq.Intx, RawIrq.None | RawIrq.Trigger, 0, 0);
        unmask.Drain();
        unmask.Signal();
        Assert.That(SetUp(RawIrq.Intx, 0).Drain(), Is.EqualTo(1));
        Assert.That(unmask.Drain(), Is.EqualTo(1), "the server does not watch it any more");
    }

    [Test]
    public void ResetForgetsPendingInterruptsButNotTheSetup()
    {
        EventFd signal = SetUp(RawIrq.Msix, 0);
        EventFd intx = SetUp(RawIrq.Intx, 0);
        Set(RawIrq.Msix, RawIrq.None | RawIrq.Mask, 0, 1);
        Interrupts.Trigger(IrqIndex.Msix, 0);
        Interrupts.SetIntx(true);
        Assert.That(Client.Try(RawCommand.Reset, []), Is.EqualTo(Errno.None));
        Set(RawIrq.Msix, RawIrq.None | RawIrq.Unmask, 0, 1);
        Set(RawIrq.Intx, RawIrq.None | RawIrq.Unmask, 0, 1);
        Assert.That((signal.Drain(), intx.Drain()), Is.EqualTo((0ul, 1ul)));
        Interrupts.Trigger(IrqIndex.Msix, 0);
        Assert.That(signal.Drain(), Is.EqualTo(1));
    }

    [Test]
    public void FullEventFdOfTheBlockingKindHoldsNobodyUp()
    {
        using EventFd full = BlockingEventFd.CreateFull();
        Set(RawIrq.Msix, SetTrigger, 0, 1, full);
        Assert.That(Wait.For(Task.Run(() => Interrupts.Trigger(IrqIndex.Msix, 0))), Is.True);
        Set(RawIrq.Msix, RawIrq.None | RawIrq.Trigger, 0, 1);
        Assert.That(full.Drain(), Is.EqualTo(ulong.MaxValue - 1));
    }

    [Test]
    public void SetupEndsWithTheConnection()
    {
        EventFd signal = SetUp(RawIrq.Msix, 0);
        SetUp(RawIrq.Intx, 0, RawIrq.Unmask);
        Client.Dispose();
        Wait.Until(() => Device.Calls.Contains("disconnected"), "the server saw the client go");
        Wait.Until(() => !Interrupts.Trigger(IrqIndex.Msix, 0), "the set-up is gone");
        signal.Drain();
        Connect();
        Assert.That(Interrupts.Trigger(IrqIndex.Msix, 0), Is.False);
        Assert.That(signal.Drain(), Is.Zero);
    }

    private static int[] Bits(params int[] bits) => bits;

    private EventFd[] NewSignals(int count)
    {
        EventFd[] signals = [.. Enumerable.Range(0, count).Select(_ => EventFd.Create())];
        _signals.AddRange(signals);
        return signals;
    }

    /// <summary>Gives a vector an eventfd that it signals, or that masks or unmasks it.</summary>
    private EventFd SetUp(uint index, uint vector, uint action = RawIrq.Trigger)
    {
        EventFd signal = NewSignals(1)[0];
        Set(index, RawIrq.EventFd | action, vector, 1, signal);
        return signal;
    }

    private void Set(uint index, uint flags, uint start, uint count, params EventFd[] signals) =>
        Assert.That(
            Client.Try(RawCommand.SetIrqs, RawPayload.IrqSet(index, flags, start, count), signals),
            Is.EqualTo(Errno.None));
}
