namespace EpfTest.Protocol.Pcie.Tlp;

internal static class MessageCodeExtensions
{
    /// <summary>The routing that section 2.2.8 requires of a message; null if it requires none.</summary>
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

    public static bool IsVendorDefined(this MessageCode code) =>
        code is MessageCode.Vendor_Defined_Type_0 or MessageCode.Vendor_Defined_Type_1;
}
