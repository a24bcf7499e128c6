using System.Text;

namespace EpfTest.Protocol.Pcie.Tlp;

internal readonly partial record struct TlpHeader
{
    /// <summary>
    /// One line for a log, such as <c>MWr32 addr=0xfee00000 len=4B req=00:00.0 tag=5 fbe=f lbe=0</c>. len is Length
    /// in bytes; tc, attr, at, th and EP appear where they are not 0. Allocates: not for the hot path.
    /// </summary>
    public override string ToString()
    {
        var text = new StringBuilder(128);
        text.Append(Kind);
        if (IsMemory)
        {
            text.Append(Is4Dw ? "64" : "32");
        }

        if (IsMessage)
        {
            text.Append($" {MessageCode} route={Routing} len={PayloadLength}B data=0x{MessageData:x16}");
            text.Append($" req={Requester} tag={Tag}");
        }
        else if (IsCompletion)
        {
            text.Append($" status={StatusName(Status)} cpl={Completer} req={Requester} tag={Tag}");
            text.Append($" bc={ByteCount} la=0x{LowerAddress:x2} len={PayloadLength}B");
            text.Append(ByteCountModified ? " bcm" : "");
        }
        else
        {
            text.Append(IsConfiguration ? $" dst={Target} reg=0x{Address:x3}" : $" addr=0x{Address:x}");
            text.Append($" len={Length * TlpLimits.Dw}B req={Requester} tag={Tag}");
            text.Append($" fbe={FirstByteEnables:x} lbe={LastByteEnables:x}");
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

        if (HasHint)
        {
            text.Append($" th={ProcessingHint} st=0x{SteeringTag:x2}");
        }

        return text.Append(Poisoned ? " EP" : "").ToString();
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
