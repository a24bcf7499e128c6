namespace EpfTest.Protocol.Hosting.Qmp;

/// <summary>QEMU refused a command, or is gone; the message names the command and the reason.</summary>
internal sealed class QmpException(string message) : Exception(message)
{
    /// <summary>Whether no QEMU is there.</summary>
    public bool IsAbsent { get; init; }

    /// <summary>Whether QEMU has no such device or object (the QMP error class DeviceNotFound).</summary>
    public bool IsNotFound { get; init; }
}
