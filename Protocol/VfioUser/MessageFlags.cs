namespace EpfTest.Protocol.VfioUser;

/// <summary>The flags of a message header (vfio-user specification, "Header").</summary>
[Flags]
internal enum MessageFlags : uint
{
    Command = 0,
    Reply = 1,
    TypeMask = 0xf,
    NoReply = 1 << 4,
    Error = 1 << 5,
}
