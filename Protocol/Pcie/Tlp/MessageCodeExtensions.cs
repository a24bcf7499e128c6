namespace EpfTest.Protocol.Pcie.Tlp;

/// <summary>What the specification asks of each message; PCI Express Base Specification 5.0, section 2.2.8.</summary>
internal static class MessageCodeExtensions
{
    /// <summary>
    /// The one routing that the specification gives this message, or null where there is none or a choice.
    /// </summary>
    public static MessageRouting? RequiredRouting(this MessageCode code) => code switch
    {
        >= MessageCode.Assert_INTA and <= MessageCode.Deassert_INTD => MessageRouting.Local,
        MessageCode.PM_Active_State_Nak or MessageCode.Set_Slot_Power_Limit => MessageRouting.Local,
        MessageCode.PM_PME => MessageRouting.ToRootComplex,
        MessageCode.ERR_COR or MessageCode.ERR_NONFATAL or MessageCode.ERR_FATAL => MessageRouting.ToRootComplex,
        MessageCode.PME_Turn_Off or MessageCode.Unlock => MessageRouting.BroadcastFromRootComplex,
        MessageCode.PME_TO_Ack => MessageRouting.Gathered,
        _ => null,
    };

    /// <summary>Whether this is a Vendor_Defined message, type 0 or 1.</summary>
    public static bool IsVendorDefined(this MessageCode code) =>
        code is MessageCode.Vendor_Defined_Type_0 or MessageCode.Vendor_Defined_Type_1;
}
