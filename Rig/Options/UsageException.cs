namespace EpfTest.Rig.Options;

/// <summary>
/// The command line, or a file that it names, is invalid. The message names the option and its value, or
/// starts with the file and the line.
/// </summary>
internal sealed class UsageException(string message) : Exception(message);
