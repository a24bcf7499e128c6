using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.Unit.Pcie.ConfigurationSpace;

internal class ObserverTests
{
    private ConfigSpace _space = null!;
    private RecordingObserver _observer = null!;

    [SetUp]
    public void CreateFunction()
    {
        _observer = new RecordingObserver();
        _space = EndpointFunction.Create();
        _space.Observer = _observer;
    }

    [Test]
    public void ACommandWriteTellsWhatWasAndWhatIs()
    {
        _space.WriteWord(PciRegister.Command, 0x0006);
        _space.WriteWord(PciRegister.Command, 0x0002);
        Assert.That(
            _observer.Calls,
            Is.EqualTo(
            [
                "Command None -> MemorySpaceEnable, BusMasterEnable",
                "Command MemorySpaceEnable, BusMasterEnable -> MemorySpaceEnable",
            ]));
    }

    [Test]
    public void WritingWhatIsThereAlreadyTellsNothing()
    {
        byte[] all = _space.ReadAll();
        _space.Write(0, all);
        _space.WriteDword(0x00, ~0U);
        _space.WriteDword(0x20, ~0U);
        _space.WriteDword(0x04, 0x0002, 0x0);
        Assert.That(_observer.Calls, Is.Empty);
    }

    [TestCase(0x10, 0)]
    [TestCase(0x14, 0)]
    [TestCase(0x18, 2)]
    [TestCase(0x1C, 3)]
    public void ABARWriteTellsTheBAR(int offset, int index)
    {
        _space.WriteDword(offset, 0xC000_0000);
        Assert.That(_observer.Calls, Is.EqualTo([$"Bar {index}"]));
    }

    [Test]
    public void EachChangeOfALongWriteIsToldOnce()
    {
        byte[] all = _space.ReadAll();
        all[PciRegister.Command] = 0x02;
        all[0x13] = 0x40;
        all[0x14] = 0x01;
        all[0x1B] = 0xFE;
        all[EndpointFunction.Pmcsr] |= 0x03;
        all[EndpointFunction.Msi + 2] |= 0x01;
        all[EndpointFunction.Msi + 7] = 0xFE;
        all[EndpointFunction.Msix + 3] |= 0x80;
        all[EndpointFunction.DeviceControl] |= 0x20;
        _space.Write(0, all);
        Assert.That(
            _observer.Calls,
            Is.EqualTo(
            [
                "Command None -> MemorySpaceEnable", "Bar 0", "Bar 2", "Power D0 -> D3Hot", "Msi", "Msix",
            ]));
    }

    [TestCase(EndpointFunction.Msi, 0x0001_0000U)]
    [TestCase(EndpointFunction.Msi + 0x04, 0xFEE0_0000U)]
    [TestCase(EndpointFunction.Msi + 0x08, 0x0000_0001U)]
    [TestCase(EndpointFunction.Msi + 0x0C, 0x0000_4021U)]
    [TestCase(EndpointFunction.Msi + 0x10, 0x8000_0000U)]
    public void EnableAddressDataAndMaskOfMSIAreTold(int offset, uint value)
    {
        _space.WriteDword(offset, value);
        Assert.That(_observer.Calls, Is.EqualTo(["Msi"]));
    }

    [TestCase(0x8000_0000U)]
    [TestCase(0x4000_0000U)]
    public void EnableAndFunctionMaskOfMSIXAreTold(uint value)
    {
        _space.WriteDword(EndpointFunction.Msix, value);
        Assert.That(_observer.Calls, Is.EqualTo(["Msix"]));
    }

    [Test]
    public void ClearingAStatusBitIsNotTold()
    {
        _space.PciExpress!.RecordDetected(DeviceStatus.Errors);
        _space.WriteWord(EndpointFunction.DeviceStatus, 0xFFFF);
        Assert.That(_space.PciExpress.DeviceStatus, Is.EqualTo(DeviceStatus.None));
        Assert.That(_observer.Calls, Is.Empty);
    }

    [Test]
    public void TheDeviceSideIsNotToldOfItself()
    {
        _space.WriteWord(PciRegister.Command, 0x0006);
        _observer.Calls.Clear();
        _space.AddBar(5, new BarSpec(BarKind.Memory32, 0x1000));
        _space.Msi!.Pending = 1;
        _space.InterruptStatus = true;
        _space.Reset(ResetKind.Hot);
        Assert.That(_observer.Calls, Is.Empty);
    }

    [Test]
    public void FLRIsToldLastAfterWhatItChanged()
    {
        _space.WriteWord(PciRegister.Command, 0x0006);
        _space.WriteDword(0x18, 0xFEB0_0000);
        _space.WriteDword(EndpointFunction.Msi, 0x0001_0000);
        _observer.Calls.Clear();
        _space.WriteWord(EndpointFunction.DeviceControl, 0xA810);
        Assert.That(
            _observer.Calls,
            Is.EqualTo(["Command MemorySpaceEnable, BusMasterEnable -> None", "Bar 2", "Msi", "FLR"]));
        Assert.That(_space.BarAddress(2), Is.Zero);
    }

    [Test]
    public void FLRWithPreservedBARsDoesNotTellOfThem()
    {
        _space.PreserveBarAddressesOnFlr = true;
        _space.WriteDword(0x18, 0xFEB0_0000);
        _observer.Calls.Clear();
        _space.WriteWord(EndpointFunction.DeviceControl, 0xA810);
        Assert.That(_observer.Calls, Is.EqualTo(["FLR"]));
        Assert.That(_space.BarAddress(2), Is.EqualTo(0xFEB0_0000));
    }

    [Test]
    public void TheObserverSeesTheSpaceAfterTheWriteAndMayChangeIt()
    {
        var observer = new ReactingObserver(_space);
        _space.Observer = observer;
        byte[] all = _space.ReadAll();
        all[PciRegister.Command] = 0x04;
        all[0x1B] = 0xFE;
        _space.Write(0, all);
        Assert.That(observer.AddressSeen, Is.EqualTo(0xFE00_0000));
        Assert.That(observer.BarsTold, Is.EqualTo([2]));
    }

    private sealed class ReactingObserver(ConfigSpace space) : IConfigSpaceObserver
    {
        public ulong AddressSeen { get; private set; }

        public List<int> BarsTold { get; } = [];

        public void CommandChanged(PciCommand previous, PciCommand current)
        {
            AddressSeen = space.BarAddress(2);
            space.Reset(ResetKind.Fundamental);
        }

        public void BarAddressChanged(int index) => BarsTold.Add(index);
    }
}
