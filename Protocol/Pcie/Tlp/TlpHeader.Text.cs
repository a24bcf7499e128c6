using System.Text;

namespace EpfTest.Protocol.Pcie.Tlp;

internal readonly partial record struct TlpHeader
{
    /// <summary>
    /// One line for a log, such as <c>MWr32 req=00:00.0 tag=5 addr=0xfee00000 len=4</c>. len is Length in bytes; byte
    /// enables appear if some are clear, other optional fields if they are not 0. Allocates.
    /// </summary>
    public override string ToString()
    {
        var text = new StringBuilder(128);
        text.Append(Kind);
        if (IsMemory)
        {
            text.Append(Is4Dw ? "64" : "32");
        }

        text.Append($" req={Requester} tag={Tag}");
        if (IsMessage)
        {
            text.Append($" code={MessageCode} route={Routing} data=0x{MessageData:x16} len={PayloadLength}");
        }
        else if (IsCompletion)
        {
            text.Append($" cpl={Completer} status={StatusName(Status)}");
            text.Append($" bc={ByteCount} la=0x{LowerAddress:x2} len={PayloadLength}");
            text.Append(ByteCountModified ? " bcm" : "");
        }
        else
        {
            text.Append(IsConfiguration ? $" dst={Target} reg=0x{Address:x3}" : $" addr=0x{Address:x}");
            text.Append($" len={Length * TlpLimits.Dw}");
            if (FirstByteEnables != ByteEnables.All || (Length > 1 && LastByteEnables != ByteEnables.All))
            {
                text.Append($" fbe={FirstByteEnables:x} lbe={LastByteEnables:x}");
            }
        }

        if (TrafficClass != 0)
        {
            text.Append($" tc={TrafficClass}");
        }

        if (Attributes != TlpAttributes.None)
        {
            text.Append($" attr={Attributes}");
        }

        if (IsMemory && AddressType != AddressType.Untranslated)
        {
            text.Append($" at={AddressType}");
        }

        return text.Append(HasHint ? " th" : "").Append(Poisoned ? " poisoned" : "").ToString();
    }

    private static string StatusName(CompletionStatus status) => status switch
    {
        CompletionStatus.SuccessfulCompletion => "SC",
        CompletionStatus.UnsupportedRequest => "UR",
        CompletionStatus.ConfigurationRequestRetryStatus => "CRS",
        CompletionStatus.CompleterAbort => "CA",
        _ => $"reserved({(int)status})",
    };
}
