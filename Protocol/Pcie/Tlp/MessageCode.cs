namespace EpfTest.Protocol.Pcie.Tlp;

/// <summary>
/// Message Code, header byte 7 of a message; PCI Express Base Specification 5.0, section 2.2.8 and appendix F. Codes
/// without a name decode too: a receiver treats them as UR.
/// </summary>
internal enum MessageCode : byte
{
    /// <summary>Ends a locked transaction.</summary>
    Unlock = 0x00,

    /// <summary>Refuses an entry to ASPM L1.</summary>
    PM_Active_State_Nak = 0x14,

    /// <summary>A power management event of a function.</summary>
    PM_PME = 0x18,

    /// <summary>The host is about to remove power and clock.</summary>
    PME_Turn_Off = 0x19,

    /// <summary>Answers <see cref="PME_Turn_Off"/>.</summary>
    PME_TO_Ack = 0x1A,

    /// <summary>INTA goes active.</summary>
    Assert_INTA = 0x20,

    /// <summary>INTB goes active.</summary>
    Assert_INTB = 0x21,

    /// <summary>INTC goes active.</summary>
    Assert_INTC = 0x22,

    /// <summary>INTD goes active.</summary>
    Assert_INTD = 0x23,

    /// <summary>INTA goes inactive.</summary>
    Deassert_INTA = 0x24,

    /// <summary>INTB goes inactive.</summary>
    Deassert_INTB = 0x25,

    /// <summary>INTC goes inactive.</summary>
    Deassert_INTC = 0x26,

    /// <summary>INTD goes inactive.</summary>
    Deassert_INTD = 0x27,

    /// <summary>A correctable error.</summary>
    ERR_COR = 0x30,

    /// <summary>An uncorrectable error that leaves the link usable.</summary>
    ERR_NONFATAL = 0x31,

    /// <summary>An uncorrectable error that does not.</summary>
    ERR_FATAL = 0x33,

    /// <summary>Carries the slot's power limit, one DW of payload.</summary>
    Set_Slot_Power_Limit = 0x50,

    /// <summary>Vendor defined; a receiver that does not know it treats it as UR.</summary>
    Vendor_Defined_Type_0 = 0x7E,

    /// <summary>Vendor defined; a receiver that does not know it discards it silently.</summary>
    Vendor_Defined_Type_1 = 0x7F,
}
