namespace EpfTest.Protocol.Pcie.Tlp;

/// <summary>PH[1:0] of a memory request with TH set; PCI Express Base Specification 5.0, section 2.2.7.1.</summary>
internal enum ProcessingHint
{
    /// <summary>Read and written often by host and device alike.</summary>
    Bidirectional = 0,

    /// <summary>Read and written often by the device.</summary>
    Requester = 1,

    /// <summary>Read and written often by the host.</summary>
    Target = 2,

    /// <summary>As <see cref="Target"/>, and soon again.</summary>
    TargetWithPriority = 3,
}
