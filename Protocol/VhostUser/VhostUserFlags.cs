namespace EpfTest.Protocol.VhostUser;

/// <summary>The flags of a message's header; the version is in the lowest two bits.</summary>
[Flags]
internal enum VhostUserFlags : uint
{
    Version = 1 << 0,
    VersionMask = 3,
    Reply = 1 << 2,
    NeedReply = 1 << 3,
}
