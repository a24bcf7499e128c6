namespace EpfTest.Protocol.Pcie.Tlp;

/// <summary>Which tags a requester may use; PCI Express Base Specification 5.0, section 2.2.6.2.</summary>
internal enum TagWidth
{
    /// <summary>Extended Tag Field Enable clear: 32 tags, 0 to 31.</summary>
    Bits5,

    /// <summary>Extended Tag Field Enable set: 256 tags, 0 to 255.</summary>
    Bits8,

    /// <summary>
    /// 10-Bit Tag Requester Enable set: 768 tags, 256 to 1023. Tags with T9 and T8 both 0 are not used then, so that
    /// a completion from a completer that drops these bits is never taken for another's.
    /// </summary>
    Bits10,
}
