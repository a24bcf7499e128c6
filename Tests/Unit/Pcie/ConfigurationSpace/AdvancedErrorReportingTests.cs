using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.Unit.Pcie.ConfigurationSpace;

internal class AdvancedErrorReportingTests
{
    private const int Mask = EndpointFunction.Aer + 0x08;
    private const int Severity = EndpointFunction.Aer + 0x0C;
    private const int CorrectableMask = EndpointFunction.Aer + 0x14;
    private const int HeaderLog = EndpointFunction.Aer + 0x1C;
    private const int ReportAll = 0x000F;
    private const uint Timeout = 1 << 14;
    private const uint Unsupported = 1 << 20;
    private const uint Advisory = 1 << 13;

    private static readonly byte[] s_header =
    [
        0x20, 0x00, 0x00, 0x01, 0x01, 0x00, 0x05, 0x0F, 0x00, 0x00, 0x00, 0x01, 0xFE, 0xB0, 0x00, 0x00,
    ];

    private ConfigSpace _space = null!;
    private AdvancedErrorReportingCapability _aer = null!;

    [SetUp]
    public void CreateFunction()
    {
        _space = EndpointFunction.Create();
        _aer = _space.AdvancedErrorReporting!;
    }

    [Test]
    public void OutOfResetItHasTheBytesOfTheSpecification()
    {
        byte[] expected =
        [
            0x01, 0x00, 0x82, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x40, 0x00, 0x10, 0x20, 0x46, 0x00,
            0x00, 0x00, 0x00, 0x00, 0x00, 0x60, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        ];
        Assert.That(_space.ReadBytes(EndpointFunction.Aer, 28), Is.EqualTo(expected));
    }

    [Test]
    public void AFirstErrorIsPointedAtAndItsHeaderLogged()
    {
        _aer.RecordUncorrectable(UncorrectableError.CompletionTimeout, s_header);
        Assert.That(_space.ReadDword(EndpointFunction.Aer + 0x04), Is.EqualTo(Timeout));
        Assert.That(_space.ReadDword(EndpointFunction.Aer + 0x18), Is.EqualTo(14));
        Assert.That(
            Enumerable.Range(0, 4).Select(i => _space.ReadDword(HeaderLog + (4 * i))),
            Is.EqualTo([0x2000_0001U, 0x0100_050FU, 0x0000_0001U, 0xFEB0_0000U]));
    }

    [Test]
    public void AHeaderOf3DWLeavesTheLastLogRegister0()
    {
        _space.WriteDword(Mask, 0);
        _aer.RecordUncorrectable(UncorrectableError.MalformedTlp, s_header);
        _space.WriteDword(EndpointFunction.Aer + 4, ~0U);
        _aer.RecordUncorrectable(UncorrectableError.UnexpectedCompletion, s_header.AsSpan(0, 12));
        Assert.That(_space.ReadDword(HeaderLog + 8), Is.EqualTo(1));
        Assert.That(_space.ReadDword(HeaderLog + 12), Is.Zero);
    }

    [Test]
    public void ALaterErrorSetsItsBitButLeavesPointerAndLogUntilTheFirstIsCleared()
    {
        _aer.RecordUncorrectable(UncorrectableError.CompletionTimeout, s_header);
        _aer.RecordUncorrectable(UncorrectableError.MalformedTlp, new byte[16]);
        Assert.That(_space.ReadDword(EndpointFunction.Aer + 0x04), Is.EqualTo(Timeout | (1U << 18)));
        Assert.That(_aer.FirstError, Is.EqualTo(UncorrectableError.CompletionTimeout));
        Assert.That(_space.ReadDword(HeaderLog), Is.EqualTo(0x2000_0001));

        _space.WriteDword(EndpointFunction.Aer + 4, Timeout);
        Assert.That(_aer.FirstError, Is.Null);
        _aer.RecordUncorrectable(UncorrectableError.PoisonedTlpReceived, new byte[16]);
        Assert.That(_aer.FirstError, Is.EqualTo(UncorrectableError.PoisonedTlpReceived));
        Assert.That(_space.ReadDword(HeaderLog), Is.Zero);
    }

    [Test]
    public void AMaskedErrorSetsStatusButNeitherPointerNorLogNorMessage()
    {
        _space.WriteWord(EndpointFunction.DeviceControl, ReportAll);
        _space.WriteDword(Mask, Timeout);
        ErrorMessage message = _aer.RecordUncorrectable(UncorrectableError.CompletionTimeout, s_header);
        Assert.That(message, Is.EqualTo(ErrorMessage.None));
        Assert.That(_space.ReadDword(EndpointFunction.Aer + 0x04), Is.EqualTo(Timeout));
        Assert.That(_space.ReadDword(EndpointFunction.Aer + 0x18), Is.Zero);
        Assert.That(_space.ReadDword(HeaderLog), Is.Zero);
        Assert.That(_space.PciExpress!.DeviceStatus, Is.EqualTo(DeviceStatus.NonFatalErrorDetected));
    }

    [TestCase(0x0002, 0x000, false, ErrorMessage.NonFatal)]
    [TestCase(0x0004, 0x000, false, ErrorMessage.None)]
    [TestCase(0x0000, 0x100, false, ErrorMessage.NonFatal)]
    [TestCase(0x0004, 0x000, true, ErrorMessage.Fatal)]
    [TestCase(0x0002, 0x000, true, ErrorMessage.None)]
    [TestCase(0x0000, 0x100, true, ErrorMessage.Fatal)]
    [TestCase(0x0000, 0x000, true, ErrorMessage.None)]
    public void TheMessageFollowsSeverityAndEnables(
        int deviceControl, int command, bool fatal, ErrorMessage expected)
    {
        _space.WriteWord(EndpointFunction.DeviceControl, deviceControl);
        _space.WriteWord(PciRegister.Command, command);
        _space.WriteDword(Severity, fatal ? Timeout : 0);
        Assert.That(_aer.RecordUncorrectable(UncorrectableError.CompletionTimeout), Is.EqualTo(expected));
        Assert.That(
            _space.PciExpress!.DeviceStatus,
            Is.EqualTo(fatal ? DeviceStatus.FatalErrorDetected : DeviceStatus.NonFatalErrorDetected));
        Assert.That((_space.Status & PciStatus.SignaledSystemError) != 0, Is.EqualTo(command == 0x100));
    }

    [TestCase(0x0002, 0x000, ErrorMessage.None)]
    [TestCase(0x000A, 0x000, ErrorMessage.NonFatal)]
    [TestCase(0x0000, 0x100, ErrorMessage.NonFatal)]
    public void AnUnsupportedRequestNeedsItsOwnEnable(int deviceControl, int command, ErrorMessage expected)
    {
        _space.WriteWord(EndpointFunction.DeviceControl, deviceControl);
        _space.WriteWord(PciRegister.Command, command);
        Assert.That(_aer.RecordUncorrectable(UncorrectableError.UnsupportedRequest), Is.EqualTo(expected));
        Assert.That(
            _space.PciExpress!.DeviceStatus,
            Is.EqualTo(DeviceStatus.NonFatalErrorDetected | DeviceStatus.UnsupportedRequestDetected));
    }

    [Test]
    public void AMaskedAdvisoryErrorIsRecordedAsCorrectableOnly()
    {
        _space.WriteWord(EndpointFunction.DeviceControl, ReportAll);
        ErrorMessage message =
            _aer.RecordUncorrectable(UncorrectableError.UnsupportedRequest, s_header, advisory: true);
        Assert.That(message, Is.EqualTo(ErrorMessage.None));
        Assert.That(_space.ReadDword(EndpointFunction.Aer + 0x10), Is.EqualTo(Advisory));
        Assert.That(_space.ReadDword(EndpointFunction.Aer + 0x04), Is.Zero);
        Assert.That(
            _space.PciExpress!.DeviceStatus,
            Is.EqualTo(DeviceStatus.CorrectableErrorDetected | DeviceStatus.UnsupportedRequestDetected));
    }

    [TestCase(0x0009, ErrorMessage.Correctable)]
    [TestCase(0x0001, ErrorMessage.None)]
    [TestCase(0x0008, ErrorMessage.None)]
    public void AnUnmaskedAdvisoryErrorIsLoggedAndReportedAsCorrectable(
        int deviceControl, ErrorMessage expected)
    {
        _space.WriteWord(EndpointFunction.DeviceControl, deviceControl);
        _space.WriteDword(CorrectableMask, 0);
        ErrorMessage message =
            _aer.RecordUncorrectable(UncorrectableError.UnsupportedRequest, s_header, advisory: true);
        Assert.That(message, Is.EqualTo(expected));
        Assert.That(_space.ReadDword(EndpointFunction.Aer + 0x10), Is.EqualTo(Advisory));
        Assert.That(_space.ReadDword(EndpointFunction.Aer + 0x04), Is.EqualTo(Unsupported));
        Assert.That(_aer.FirstError, Is.EqualTo(UncorrectableError.UnsupportedRequest));
    }

    [Test]
    public void AnAdvisoryErrorOfFatalSeverityIsFatal()
    {
        _space.WriteWord(EndpointFunction.DeviceControl, ReportAll);
        _space.WriteDword(Severity, Unsupported);
        Assert.That(
            _aer.RecordUncorrectable(UncorrectableError.UnsupportedRequest, s_header, advisory: true),
            Is.EqualTo(ErrorMessage.Fatal));
        Assert.That(_space.ReadDword(EndpointFunction.Aer + 0x10), Is.Zero);
    }
}
