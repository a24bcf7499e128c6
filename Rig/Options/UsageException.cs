namespace EpfTest.Rig.Options;

/// <summary>The command line is invalid; the message names the option and its value.</summary>
internal sealed class UsageException(string message) : Exception(message);
