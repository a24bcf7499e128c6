namespace EpfTest.Rig.Results;

/// <summary>An error of QEMU's in its log.</summary>
/// <param name="Line">The first line of this form.</param>
/// <param name="Count">Number of lines that differ from it in numbers and paths only.</param>
internal sealed record QemuError(string Line, int Count);
