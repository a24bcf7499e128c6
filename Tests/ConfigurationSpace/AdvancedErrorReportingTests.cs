using EpfTest.Protocol.ConfigurationSpace;

namespace EpfTest.Tests.ConfigurationSpace;

public class AdvancedErrorReportingTests
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
    public void Out_of_reset_it_has_the_bytes_of_the_specification()
    {
        byte[] expected =
        [
            0x01, 0x00, 0x82, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x40, 0x00, 0x10, 0x20, 0x46, 0x00,
            0x00, 0x00, 0x00, 0x00, 0x00, 0x60, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        ];
        Assert.That(_space.ReadBytes(EndpointFunction.Aer, 28), Is.EqualTo(expected));
    }

    [Test]
    public void A_first_error_is_pointed_at_and_its_header_logged()
    {
        _aer.RecordUncorrectable(UncorrectableError.CompletionTimeout, s_header);
        Assert.That(_aer.UncorrectableStatus, Is.EqualTo(Timeout));
        Assert.That(_space.ReadDword(EndpointFunction.Aer + 0x18), Is.EqualTo(14));
        Assert.That(
            Enumerable.Range(0, 4).Select(i => _space.ReadDword(HeaderLog + (4 * i))),
            Is.EqualTo([0x2000_0001U, 0x0100_050FU, 0x0000_0001U, 0xFEB0_0000U]));
    }

    [Test]
    public void A_header_of_3_DW_leaves_the_last_log_register_0()
    {
        _space.WriteDword(Mask, 0);
        _aer.RecordUncorrectable(UncorrectableError.MalformedTlp, s_header);
        _space.WriteDword(EndpointFunction.Aer + 4, ~0U);
        _aer.RecordUncorrectable(UncorrectableError.UnexpectedCompletion, s_header.AsSpan(0, 12));
        Assert.That(_space.ReadDword(HeaderLog + 8), Is.EqualTo(1));
        Assert.That(_space.ReadDword(HeaderLog + 12), Is.Zero);
    }

    [Test]
    public void A_later_error_sets_its_bit_but_leaves_pointer_and_log_until_the_first_is_cleared()
    {
        _aer.RecordUncorrectable(UncorrectableError.CompletionTimeout, s_header);
        _aer.RecordUncorrectable(UncorrectableError.MalformedTlp, new byte[16]);
        Assert.That(_aer.UncorrectableStatus, Is.EqualTo(Timeout | (1U << 18)));
        Assert.That(_aer.FirstError, Is.EqualTo(UncorrectableError.CompletionTimeout));
        Assert.That(_space.ReadDword(HeaderLog), Is.EqualTo(0x2000_0001));

        _space.WriteDword(EndpointFunction.Aer + 4, Timeout);
        Assert.That(_aer.FirstError, Is.Null);
        _aer.RecordUncorrectable(UncorrectableError.PoisonedTlpReceived, new byte[16]);
        Assert.That(_aer.FirstError, Is.EqualTo(UncorrectableError.PoisonedTlpReceived));
        Assert.That(_space.ReadDword(HeaderLog), Is.Zero);
    }

    [Test]
    public void A_masked_error_sets_status_but_neither_pointer_nor_log_nor_message()
    {
        _space.WriteWord(EndpointFunction.DeviceControl, ReportAll);
        _space.WriteDword(Mask, Timeout);
        ErrorMessage message = _aer.RecordUncorrectable(UncorrectableError.CompletionTimeout, s_header);
        Assert.That(message, Is.EqualTo(ErrorMessage.None));
        Assert.That(_aer.UncorrectableStatus, Is.EqualTo(Timeout));
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
    public void The_message_follows_severity_and_enables(
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
    public void An_unsupported_request_needs_its_own_enable(int deviceControl, int command, ErrorMessage expected)
    {
        _space.WriteWord(EndpointFunction.DeviceControl, deviceControl);
        _space.WriteWord(PciRegister.Command, command);
        Assert.That(_aer.RecordUncorrectable(UncorrectableError.UnsupportedRequest), Is.EqualTo(expected));
        Assert.That(
            _space.PciExpress!.DeviceStatus,
            Is.EqualTo(DeviceStatus.NonFatalErrorDetected | DeviceStatus.UnsupportedRequestDetected));
    }

    [Test]
    public void A_masked_advisory_error_is_recorded_as_correctable_only()
    {
        _space.WriteWord(EndpointFunction.DeviceControl, ReportAll);
        ErrorMessage message =
            _aer.RecordUncorrectable(UncorrectableError.UnsupportedRequest, s_header, advisory: true);
        Assert.That(message, Is.EqualTo(ErrorMessage.None));
        Assert.That(_aer.CorrectableStatus, Is.EqualTo(Advisory));
        Assert.That(_aer.UncorrectableStatus, Is.Zero);
        Assert.That(
            _space.PciExpress!.DeviceStatus,
            Is.EqualTo(DeviceStatus.CorrectableErrorDetected | DeviceStatus.UnsupportedRequestDetected));
    }

    [TestCase(0x0009, ErrorMessage.Correctable)]
    [TestCase(0x0001, ErrorMessage.None)]
    [TestCase(0x0008, ErrorMessage.None)]
    public void An_unmasked_advisory_error_is_logged_and_reported_as_correctable(
        int deviceControl, ErrorMessage expected)
    {
        _space.WriteWord(EndpointFunction.DeviceControl, deviceControl);
        _space.WriteDword(CorrectableMask, 0);
        ErrorMessage message =
            _aer.RecordUncorrectable(UncorrectableError.UnsupportedRequest, s_header, advisory: true);
        Assert.That(message, Is.EqualTo(expected));
        Assert.That(_aer.CorrectableStatus, Is.EqualTo(Advisory));
        Assert.That(_aer.UncorrectableStatus, Is.EqualTo(Unsupported));
        Assert.That(_aer.FirstError, Is.EqualTo(UncorrectableError.UnsupportedRequest));
    }

    [Test]
    public void An_advisory_error_of_fatal_severity_is_fatal()
    {
        _space.WriteWord(EndpointFunction.DeviceControl, ReportAll);
        _space.WriteDword(Severity, Unsupported);
        Assert.That(
            _aer.RecordUncorrectable(UncorrectableError.UnsupportedRequest, s_header, advisory: true),
            Is.EqualTo(ErrorMessage.Fatal));
        Assert.That(_aer.CorrectableStatus, Is.Zero);
    }

    [TestCase(0x0001, 0x00U, ErrorMessage.Correctable)]
    [TestCase(0x0000, 0x00U, ErrorMessage.None)]
    [TestCase(0x0001, 0x40U, ErrorMessage.None)]
    public void A_correctable_error_sets_status_and_is_reported_where_enabled_and_not_masked(
        int deviceControl, uint mask, ErrorMessage expected)
    {
        _space.WriteWord(EndpointFunction.DeviceControl, deviceControl);
        _space.WriteDword(CorrectableMask, mask);
        Assert.That(_aer.RecordCorrectable(CorrectableError.BadTlp), Is.EqualTo(expected));
        Assert.That(_aer.CorrectableStatus, Is.EqualTo(0x40));
        Assert.That(_space.PciExpress!.DeviceStatus, Is.EqualTo(DeviceStatus.CorrectableErrorDetected));
    }

    [Test]
    public void Errors_that_the_function_does_not_have_are_refused()
    {
        Assert.That(() => _aer.RecordUncorrectable((UncorrectableError)19), Throws.ArgumentException);
        Assert.That(() => _aer.RecordUncorrectable((UncorrectableError)32), Throws.ArgumentException);
        Assert.That(() => _aer.RecordCorrectable((CorrectableError)1), Throws.ArgumentException);
        Assert.That(() => _aer.RecordCorrectable(CorrectableError.AdvisoryNonFatalError), Throws.ArgumentException);
        Assert.That(
            () => _aer.RecordUncorrectable(UncorrectableError.MalformedTlp, new byte[8]),
            Throws.ArgumentException.With.Message.Contains("12 or 16 bytes, not 8"));
    }
}
