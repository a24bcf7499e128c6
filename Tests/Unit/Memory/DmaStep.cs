namespace EpfTest.Unit.Memory;

/// <summary>One random call of a DmaTable, in units of <see cref="DmaTableModel.Unit"/> bytes.</summary>
internal sealed record DmaStep(byte Kind, byte Start, byte Length, byte Detail);
