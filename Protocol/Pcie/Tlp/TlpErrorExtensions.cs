namespace EpfTest.Protocol.Pcie.Tlp;

internal static class TlpErrorExtensions
{
    public static string Describe(this TlpError error) => error switch
    {
        TlpError.None => "well formed",
        TlpError.TruncatedHeader => "header is cut short",
        TlpError.UndefinedFmtType => "Fmt/Type is undefined",
        TlpError.PrefixUnsupported => "TLP prefixes are not supported",
        TlpError.DigestUnsupported => "TD is set, but ECRC is not supported",
        TlpError.PayloadLengthMismatch => "payload is not as long as Length says",
        TlpError.PayloadExceedsMaxPayloadSize => "payload exceeds Max_Payload_Size",
        TlpError.LastByteEnablesNotZero => "Last DW BE is not 0 in a request of 1 DW",
        TlpError.FirstByteEnablesZero => "First DW BE is 0 in a request of several DW",
        TlpError.LastByteEnablesZero => "Last DW BE is 0 in a request of several DW",
        TlpError.ByteEnablesNotContiguous => "byte enables are not contiguous",
        TlpError.Crosses4KiB => "request crosses a 4 KiB boundary",
        TlpError.AddressBelow4GiBIn4DwHeader => "4DW header with an address below 4 GiB",
        TlpError.LengthNotOne => "Length of an I/O or configuration request is not 1 DW",
        TlpError.TrafficClassNotZero => "TC is not 0",
        TlpError.AttributesNotZero => "Attr[1:0] of an I/O or configuration request is not 0",
        TlpError.AddressTypeNotZero => "AT of an I/O or configuration request is not 0",
        TlpError.AtomicOperandSize => "Length is no AtomicOp operand size",
        TlpError.AtomicOperandNotAligned => "address of an AtomicOp is not aligned to its operand",
        TlpError.DataWithUnsuccessfulStatus => "completion has data and a status that is not SC",
        TlpError.CompletionExceedsByteCount => "completion has more data than Byte Count leaves",
        TlpError.CompletionNotAtReadCompletionBoundary => "partial completion does not end at the RCB",
        TlpError.MessageRoutingMismatch => "message routing does not suit its code",
        TlpError.MessagePayloadMismatch => "message payload does not suit its code",
        _ => "unknown error",
    };
}
