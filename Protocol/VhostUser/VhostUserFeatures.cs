namespace EpfTest.Protocol.VhostUser;

/// <summary>The bits of GET_FEATURES and GET_PROTOCOL_FEATURES that are used here.</summary>
internal static class VhostUserFeatures
{
    /// <summary>Protocol features are negotiated (VHOST_USER_F_PROTOCOL_FEATURES).</summary>
    public const ulong ProtocolFeatures = 1UL << 30;

    /// <summary>Not a legacy virtio device (VIRTIO_F_VERSION_1).</summary>
    public const ulong Version1 = 1UL << 32;

    public const ulong ProtocolMultiQueue = 1UL << 0;
    public const ulong ProtocolReplyAck = 1UL << 3;
    public const ulong ProtocolBackendRequests = 1UL << 5;
    public const ulong ProtocolConfig = 1UL << 9;
    public const ulong ProtocolBackendSendFd = 1UL << 10;
    public const ulong ProtocolConfigureMemSlots = 1UL << 15;
    public const ulong ProtocolShmem = 1UL << 22;

    /// <summary>Without these a front-end's window cannot be used.</summary>
    public const ulong ProtocolNeeded =
        ProtocolReplyAck | ProtocolBackendRequests | ProtocolBackendSendFd | ProtocolShmem;

    /// <summary>
    /// The offer. It has memory slots because each mapping counts as a region of guest memory, of which QEMU otherwise
    /// allows eight.
    /// </summary>
    public const ulong ProtocolOffered =
        ProtocolNeeded | ProtocolMultiQueue | ProtocolConfig | ProtocolConfigureMemSlots;
}
