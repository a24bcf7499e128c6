namespace EpfTest.Protocol.Memory;

/// <summary>By what means a range of guest memory is reached.</summary>
internal enum DmaBacking
{
    /// <summary>By DMA_READ and DMA_WRITE messages to the client: it passed no usable descriptor.</summary>
    Messages,
    /// <summary>By read and write system calls on its descriptor, which fail cleanly when the file shrinks.</summary>
    SystemCalls,
    /// <summary>By loads and stores: the file is sealed against shrinking, so no access can fault.</summary>
    Mapping,
}
