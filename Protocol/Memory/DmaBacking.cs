namespace EpfTest.Protocol.Memory;

/// <summary>How a range of guest memory is accessed, each with the reason.</summary>
internal enum DmaBacking
{
    /// <summary>By messages to its QEMU, because it is private memory: no usable descriptor came with it.</summary>
    Messages,
    /// <summary>By system calls, because its file could shrink, or its huge pages are not all reserved; they fail
    /// cleanly then.</summary>
    SystemCalls,
    /// <summary>By loads and stores, because its file is sealed against shrinking, and huge pages are reserved, so that
    /// no access can fault.</summary>
    Mapping,
}
