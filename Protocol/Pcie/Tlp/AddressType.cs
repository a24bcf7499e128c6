namespace EpfTest.Protocol.Pcie.Tlp;

/// <summary>AT[1:0] of a memory request (section 10.2.1).</summary>
internal enum AddressType
{
    /// <summary>Untranslated: a host bus address as the requester knows it.</summary>
    Untranslated = 0,

    /// <summary>An ATS translation request (reads only).</summary>
    TranslationRequest = 1,

    /// <summary>An address that ATS has translated.</summary>
    Translated = 2,

    Reserved = 3,
}
