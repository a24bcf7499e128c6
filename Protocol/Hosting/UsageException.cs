namespace EpfTest.Protocol.Hosting;

/// <summary>An option has a value that makes no sense; the message names both.</summary>
internal sealed class UsageException(string message) : Exception(message);
