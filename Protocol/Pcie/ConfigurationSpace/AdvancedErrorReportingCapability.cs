using System.Buffers.Binary;

namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// Advanced Error Reporting (AER) extended capability, version 2, without ECRC and multiple header recording (sections
/// 6.2 and 7.8.4; Linux' <c>PCI_ERR_*</c>). Root registers are not there for an endpoint and read 0.
/// </summary>
internal sealed class AdvancedErrorReportingCapability
{
    private const int Version = 2;
    private const int Length = 0x48;

    private const int UncorrectableErrorStatus = 0x04;
    private const int UncorrectableErrorMask = 0x08;
    private const int UncorrectableErrorSeverity = 0x0C;
    private const uint UncorrectableErrors =
        (1U << (int)UncorrectableError.DataLinkProtocolError)
        | (1U << (int)UncorrectableError.PoisonedTlpReceived)
        | (1U << (int)UncorrectableError.FlowControlProtocolError)
        | (1U << (int)UncorrectableError.CompletionTimeout)
        | (1U << (int)UncorrectableError.CompleterAbort)
        | (1U << (int)UncorrectableError.UnexpectedCompletion)
        | (1U << (int)UncorrectableError.ReceiverOverflow)
        | (1U << (int)UncorrectableError.MalformedTlp)
        | (1U << (int)UncorrectableError.UnsupportedRequest)
        | (1U << (int)UncorrectableError.UncorrectableInternalError);
    private const uint MaskedByDefault = 1U << (int)UncorrectableError.UncorrectableInternalError;
    private const uint FatalByDefault =
        (1U << (int)UncorrectableError.DataLinkProtocolError)
        | (1U << (int)UncorrectableError.FlowControlProtocolError)
        | (1U << (int)UncorrectableError.ReceiverOverflow)
        | (1U << (int)UncorrectableError.MalformedTlp)
        | (1U << (int)UncorrectableError.UncorrectableInternalError);

    // 0x11C1 are the errors of the physical and data link layers, which never occur here.
    private const int CorrectableErrorStatus = 0x10;
    private const int CorrectableErrorMask = 0x14;
    private const uint AdvisoryNonFatalError = 1 << 13;
    private const uint CorrectedInternalError = 1 << 14;
    private const uint CorrectableErrors = 0x11C1 | AdvisoryNonFatalError | CorrectedInternalError;
    private const uint CorrectableMaskedByDefault = AdvisoryNonFatalError | CorrectedInternalError;

    private const int CapabilitiesAndControl = 0x18;
    private const uint FirstErrorPointerMask = 0x1F;

    private const int HeaderLog = 0x1C;
    private const int HeaderLogSize = 16;

    private readonly ConfigSpace _space;
    private readonly PciExpressCapability _express;
    private readonly int _offset;

    public AdvancedErrorReportingCapability(ConfigSpace space, PciExpressCapability express)
    {
        _space = space;
        _express = express;
        _offset = space.PlaceExtendedCapability(PciRegister.AdvancedErrorReportingId, Version, Length);
        Registers.Define(
            _offset + UncorrectableErrorStatus,
            4,
            0,
            writeOneToClear: UncorrectableErrors,
            sticky: UncorrectableErrors);
        Registers.Define(
            _offset + UncorrectableErrorMask,
            4,
            MaskedByDefault,
            writable: UncorrectableErrors,
            sticky: UncorrectableErrors);
        Registers.Define(
            _offset + UncorrectableErrorSeverity,
            4,
            FatalByDefault,
            writable: UncorrectableErrors,
            sticky: UncorrectableErrors);
        Registers.Define(
            _offset + CorrectableErrorStatus, 4, 0, writeOneToClear: CorrectableErrors, sticky: CorrectableErrors);
        Registers.Define(
            _offset + CorrectableErrorMask,
            4,
            CorrectableMaskedByDefault,
            writable: CorrectableErrors,
            sticky: CorrectableErrors);
        Registers.Define(_offset + CapabilitiesAndControl, 4, 0, sticky: FirstErrorPointerMask);
        for (int i = 0; i < HeaderLogSize; i += sizeof(uint))
        {
            Registers.Define(_offset + HeaderLog + i, 4, 0, sticky: ~0U);
        }
    }

    private RegisterFile Registers => _space.Registers;

    /// <summary>The error of First Error Pointer and Header Log; null once the host has cleared it.</summary>
    public UncorrectableError? FirstError
    {
        get
        {
            int pointer = (int)(Registers.GetDword(_offset + CapabilitiesAndControl) & FirstErrorPointerMask);
            uint status = Registers.GetDword(_offset + UncorrectableErrorStatus);
            return (status & (1U << pointer)) != 0 ? (UncorrectableError)pointer : null;
        }
    }

    /// <summary>Records an uncorrectable error in AER, Device Status and Status (section 6.2.5).</summary>
    /// <param name="error">The error.</param>
    /// <param name="header">Encoded header of the TLP that caused it: 12 or 16 bytes; empty if none did.</param>
    /// <param name="advisory">
    /// Whether section 6.2.3.2.4 leaves the error to others, such as one that a completion reports to the requester: it
    /// then counts as correctable, unless its severity is fatal.
    /// </param>
    /// <returns>The message to send to the host.</returns>
    public ErrorMessage RecordUncorrectable(
        UncorrectableError error, ReadOnlySpan<byte> header = default, bool advisory = false)
    {
        uint bit = 1U << (int)error;
        bool fatal = (Registers.GetDword(_offset + UncorrectableErrorSeverity) & bit) != 0;
        advisory &= !fatal;
        _express.RecordDetected(Detected(error, fatal, advisory));
        if (advisory && !RecordAdvisory())
        {
            return ErrorMessage.None;
        }

        bool masked = (Registers.GetDword(_offset + UncorrectableErrorMask) & bit) != 0;
        if (!masked && FirstError is null)
        {
            LogFirst(error, header);
        }
        Registers.Set(_offset + UncorrectableErrorStatus, 4, bit, bit);
        bool reported = error != UncorrectableError.UnsupportedRequest || _express.UnsupportedRequestReportingEnable;
        if (advisory)
        {
            return reported && _express.CorrectableErrorReportingEnable
                ? ErrorMessage.Correctable
                : ErrorMessage.None;
        }
        return masked ? ErrorMessage.None : Signal(fatal, reported);
    }

    /// <summary>Sets Advisory Non-Fatal Error Status.</summary>
    /// <returns>False if the error is masked.</returns>
    private bool RecordAdvisory()
    {
        Registers.Set(_offset + CorrectableErrorStatus, 4, AdvisoryNonFatalError, AdvisoryNonFatalError);
        return (Registers.GetDword(_offset + CorrectableErrorMask) & AdvisoryNonFatalError) == 0;
    }

    private void LogFirst(UncorrectableError error, ReadOnlySpan<byte> header)
    {
        Registers.Set(_offset + CapabilitiesAndControl, 4, FirstErrorPointerMask, (uint)error);
        for (int i = 0; i < HeaderLogSize; i += sizeof(uint))
        {
            // The first byte of a header DW is the highest of its log register.
            uint dword = i < header.Length ? BinaryPrimitives.ReadUInt32BigEndian(header[i..]) : 0;
            Registers.Set(_offset + HeaderLog + i, 4, ~0U, dword);
        }
    }

    // SERR# Enable is enough; without it, Device Control must have all the enables.
    private ErrorMessage Signal(bool fatal, bool reported)
    {
        bool enabled = fatal ? _express.FatalErrorReportingEnable : _express.NonFatalErrorReportingEnable;
        if (_space.SerrEnable)
        {
            _space.RecordStatus(PciStatus.SignaledSystemError);
        }
        else if (!enabled || !reported)
        {
            return ErrorMessage.None;
        }
        return fatal ? ErrorMessage.Fatal : ErrorMessage.NonFatal;
    }

    private static DeviceStatus Detected(UncorrectableError error, bool fatal, bool advisory)
    {
        DeviceStatus status = fatal ? DeviceStatus.FatalErrorDetected
            : advisory ? DeviceStatus.CorrectableErrorDetected
            : DeviceStatus.NonFatalErrorDetected;
        return error == UncorrectableError.UnsupportedRequest
            ? status | DeviceStatus.UnsupportedRequestDetected
            : status;
    }
}
