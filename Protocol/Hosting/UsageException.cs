namespace EpfTest.Protocol.Hosting;

/// <summary>An option has an invalid value; the message names both.</summary>
internal sealed class UsageException(string message) : Exception(message);
