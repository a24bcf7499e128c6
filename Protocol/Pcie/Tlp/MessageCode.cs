namespace EpfTest.Protocol.Pcie.Tlp;

/// <summary>
/// Message Code, header byte 7 of a message (section 2.2.8 and appendix F). Codes without a name decode too: a receiver
/// treats them as UR.
/// </summary>
internal enum MessageCode : byte
{
    /// <summary>Ends a locked transaction.</summary>
    Unlock = 0x00,

    /// <summary>Refuses entry to ASPM L1.</summary>
    PM_Active_State_Nak = 0x14,

    /// <summary>A power management event of a function.</summary>
    PM_PME = 0x18,

    /// <summary>The host is about to remove power and clock.</summary>
    PME_Turn_Off = 0x19,

    /// <summary>Answers <see cref="PME_Turn_Off"/>.</summary>
    PME_TO_Ack = 0x1A,

    Assert_INTA = 0x20,
    Assert_INTB = 0x21,
    Assert_INTC = 0x22,
    Assert_INTD = 0x23,
    Deassert_INTA = 0x24,
    Deassert_INTB = 0x25,
    Deassert_INTC = 0x26,
    Deassert_INTD = 0x27,

    /// <summary>A correctable error.</summary>
    ERR_COR = 0x30,

    /// <summary>An uncorrectable error; the link stays reliable.</summary>
    ERR_NONFATAL = 0x31,

    /// <summary>An uncorrectable error; the link is not reliable any more.</summary>
    ERR_FATAL = 0x33,

    /// <summary>The slot's power limit, one DW of payload.</summary>
    Set_Slot_Power_Limit = 0x50,

    /// <summary>Vendor defined; a receiver that does not know it treats it as UR.</summary>
    Vendor_Defined_Type_0 = 0x7E,

    /// <summary>Vendor defined; a receiver that does not know it discards it silently.</summary>
    Vendor_Defined_Type_1 = 0x7F,
}
