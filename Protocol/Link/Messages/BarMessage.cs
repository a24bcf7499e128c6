using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.Protocol.Link.Messages;

/// <summary>A BAR in a <see cref="FunctionMessage"/>.</summary>
/// <param name="Size">Bytes; 0 if the BAR is not set, or an upper half.</param>
/// <param name="Address">Host bus address that the host has programmed.</param>
/// <param name="Flags"><see cref="BarSpec.Flags"/>.</param>
internal readonly record struct BarMessage(ulong Size, ulong Address, uint Flags)
{
    public bool IsIo => (Flags & BarSpec.IoSpaceIndicator) != 0;
}
