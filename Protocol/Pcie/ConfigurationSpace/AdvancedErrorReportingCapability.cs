using System.Buffers.Binary;

namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// Advanced Error Reporting (AER) extended capability, version 2, without ECRC and multiple header recording. PCI
/// Express Base Specification 6.0, sections 6.2 and 7.8.4; Linux' <c>PCI_ERR_*</c>. Root registers are not there for an
/// endpoint and read 0.
/// </summary>
internal sealed class AdvancedErrorReportingCapability : ExtendedCapability
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

    private const int CorrectableErrorStatus = 0x10;
    private const int CorrectableErrorMask = 0x14;
    private const uint CorrectableErrors =
        (1U << (int)CorrectableError.ReceiverError)
        | (1U << (int)CorrectableError.BadTlp)
        | (1U << (int)CorrectableError.BadDllp)
        | (1U << (int)CorrectableError.ReplayNumRollover)
        | (1U << (int)CorrectableError.ReplayTimerTimeout)
        | (1U << (int)CorrectableError.AdvisoryNonFatalError)
        | (1U << (int)CorrectableError.CorrectedInternalError);
    private const uint CorrectableMaskedByDefault =
        (1U << (int)CorrectableError.AdvisoryNonFatalError) | (1U << (int)CorrectableError.CorrectedInternalError);

    private const int CapabilitiesAndControl = 0x18;
    private const uint FirstErrorPointerMask = 0x1F;

    private const int HeaderLog = 0x1C;
    private const int HeaderLogSize = 16;

    private readonly PciExpressCapability _express;

    internal AdvancedErrorReportingCapability(ConfigSpace space, PciExpressCapability express)
        : base(space, PciRegister.AdvancedErrorReportingId, Version, Length)
    {
        _express = express;
        Registers.Define(
            Offset + UncorrectableErrorStatus, 4, 0, writeOneToClear: UncorrectableErrors, sticky: UncorrectableErrors);
        Registers.Define(
            Offset + UncorrectableErrorMask,
            4,
            MaskedByDefault,
            writable: UncorrectableErrors,
            sticky: UncorrectableErrors);
        Registers.Define(
            Offset + UncorrectableErrorSeverity,
            4,
            FatalByDefault,
            writable: UncorrectableErrors,
            sticky: UncorrectableErrors);
        Registers.Define(
            Offset + CorrectableErrorStatus, 4, 0, writeOneToClear: CorrectableErrors, sticky: CorrectableErrors);
        Registers.Define(
            Offset + CorrectableErrorMask,
            4,
            CorrectableMaskedByDefault,
            writable: CorrectableErrors,
            sticky: CorrectableErrors);
        Registers.Define(Offset + CapabilitiesAndControl, 4, 0, sticky: FirstErrorPointerMask);
        for (int i = 0; i < HeaderLogSize; i += sizeof(uint))
        {
            Registers.Define(Offset + HeaderLog + i, 4, 0, sticky: ~0U);
        }
    }

    /// <summary>Uncorrectable Error Status: bit n is the <see cref="UncorrectableError"/> n.</summary>
    public uint UncorrectableStatus => Registers.GetDword(Offset + UncorrectableErrorStatus);

    /// <summary>Correctable Error Status: bit n is the <see cref="CorrectableError"/> n.</summary>
    public uint CorrectableStatus => Registers.GetDword(Offset + CorrectableErrorStatus);

    /// <summary>The error that First Error Pointer and Header Log are about; null once the host cleared it.</summary>
    public UncorrectableError? FirstError
    {
        get
        {
            int pointer = (int)(Registers.GetDword(Offset + CapabilitiesAndControl) & FirstErrorPointerMask);
            return (UncorrectableStatus & (1U << pointer)) != 0 ? (UncorrectableError)pointer : null;
        }
    }

    /// <summary>
    /// Records an uncorrectable error in AER, Device Status and Status as figure 6-2 of section 6.2.5 has it.
    /// </summary>
    /// <param name="error">The error.</param>
    /// <param name="header">
    /// Header of the TLP that caused it, in the order of its bytes on the link: 3 or 4 DW, or empty if none did.
    /// </param>
    /// <param name="advisory">
    /// Whether the error is one of section 6.2.3.2.4 that the function leaves for others to act upon, as a completer
    /// that answers with Unsupported Request: it is then reported as correctable, unless its severity is fatal.
    /// </param>
    /// <returns>The message to send to the host.</returns>
    /// <exception cref="ArgumentException">
    /// The function cannot detect such an error, or the header has another size.
    /// </exception>
    public ErrorMessage RecordUncorrectable(
        UncorrectableError error, ReadOnlySpan<byte> header = default, bool advisory = false)
    {
        uint bit = BitOf((int)error, UncorrectableErrors);
        if (header.Length is not (0 or 12 or HeaderLogSize))
        {
            throw new ArgumentException($"a TLP header is 12 or 16 bytes, not {header.Length}");
        }
        bool fatal = (Registers.GetDword(Offset + UncorrectableErrorSeverity) & bit) != 0;
        advisory &= !fatal;
        _express.RecordDetected(Detected(error, fatal, advisory));
        if (advisory && !RecordAdvisory())
        {
            return ErrorMessage.None;
        }

        bool masked = (Registers.GetDword(Offset + UncorrectableErrorMask) & bit) != 0;
        if (!masked && FirstError is null)
        {
            LogFirst(error, header);
        }
        Registers.Set(Offset + UncorrectableErrorStatus, 4, bit, bit);
        bool reported = error != UncorrectableError.UnsupportedRequest || _express.UnsupportedRequestReportingEnable;
        if (advisory)
        {
            return reported && _express.CorrectableErrorReportingEnable
                ? ErrorMessage.Correctable
                : ErrorMessage.None;
        }
        return masked ? ErrorMessage.None : Signal(fatal, reported);
    }

    /// <summary>Records a correctable error in AER and Device Status (section 6.2.5).</summary>
    /// <param name="error">
    /// The error; an advisory one is for <see cref="RecordUncorrectable"/>, which knows what is behind it.
    /// </param>
    /// <returns>The message to send to the host.</returns>
    /// <exception cref="ArgumentException">The function cannot detect such an error.</exception>
    public ErrorMessage RecordCorrectable(CorrectableError error)
    {
        uint bit = BitOf(
            (int)error, CorrectableErrors & ~(1U << (int)CorrectableError.AdvisoryNonFatalError));
        _express.RecordDetected(DeviceStatus.CorrectableErrorDetected);
        return SetCorrectable(bit) && _express.CorrectableErrorReportingEnable
            ? ErrorMessage.Correctable
            : ErrorMessage.None;
    }

    private bool RecordAdvisory() => SetCorrectable(1U << (int)CorrectableError.AdvisoryNonFatalError);

    /// <summary>Sets a bit of Correctable Error Status; whether it is not masked.</summary>
    private bool SetCorrectable(uint bit)
    {
        Registers.Set(Offset + CorrectableErrorStatus, 4, bit, bit);
        return (Registers.GetDword(Offset + CorrectableErrorMask) & bit) == 0;
    }

    private void LogFirst(UncorrectableError error, ReadOnlySpan<byte> header)
    {
        Registers.Set(Offset + CapabilitiesAndControl, 4, FirstErrorPointerMask, (uint)error);
        for (int i = 0; i < HeaderLogSize; i += sizeof(uint))
        {
            // The first byte of a header DW is the highest of its log register.
            uint dword = i < header.Length ? BinaryPrimitives.ReadUInt32BigEndian(header[i..]) : 0;
            Registers.Set(Offset + HeaderLog + i, 4, ~0U, dword);
        }
    }

    /// <summary>SERR# Enable alone suffices; otherwise Device Control must have all the enables.</summary>
    private ErrorMessage Signal(bool fatal, bool reported)
    {
        bool enabled = fatal ? _express.FatalErrorReportingEnable : _express.NonFatalErrorReportingEnable;
        if (Space.SerrEnable)
        {
            Space.RecordStatus(PciStatus.SignaledSystemError);
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

    private static uint BitOf(int error, uint implemented)
    {
        if (error is < 0 or > 31 || (implemented & (1U << error)) == 0)
        {
            throw new ArgumentException($"the function cannot detect an error of AER bit {error}");
        }
        return 1U << error;
    }
}
