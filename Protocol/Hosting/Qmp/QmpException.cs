namespace EpfTest.Protocol.Hosting.Qmp;

/// <summary>QEMU refused a command, or is gone; the message says which command and why.</summary>
internal sealed class QmpException(string message) : Exception(message)
{
    /// <summary>Whether no QEMU is there at all.</summary>
    public bool IsAbsent { get; init; }

    /// <summary>Whether there is no such device, character device or object.</summary>
    public bool IsNotFound => Message.Contains("not found", StringComparison.Ordinal);
}
