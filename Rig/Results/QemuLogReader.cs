using System.Text.RegularExpressions;

namespace EpfTest.Rig.Results;

/// <summary>
/// Finds errors of vfio, vfio-user and vhost-user in a QEMU's log: a message that was refused, or a broken connection.
/// Most name a function or a device; the others are those that hw/vfio-user/proxy.c and hw/virtio/vhost-user.c print
/// without either.
/// </summary>
internal static partial class QemuLogReader
{
    public static IReadOnlyList<QemuError> Read(IEnumerable<string> log) =>
    [
        .. log.Select(line => line.TrimEnd())
            .Where(IsError)
            .GroupBy(line => Particulars().Replace(line, "#"))
            .Select(group => new QemuError(group.First(), group.Count())),
    ];

    private static bool IsError(string line) => !Harmless().IsMatch(line) && Error().IsMatch(line);

    [GeneratedRegex(@"\b(vfio_|vfio-user|vfio |vhost|VFIO_)"
        + "|Unable to write to socket|failed to read header|short read of header|bad header size|unknown message type"
        + "|unexpected (reply|FDs)|reply larger than recv buffer|server closed socket|reset reply error"
        + "|Failed to (set msg fds|read msg|write msg)|Unexpected end-of-file before all data were read")]
    private static partial Regex Error();

    [GeneratedRegex("^[^ ]+: ([^:]+: )?(warning|info): ")]
    private static partial Regex Harmless();

    [GeneratedRegex(@"/[^ :,]+|\b0x[0-9a-f]+|\b[0-9a-f]*[0-9][0-9a-f]*\b")]
    private static partial Regex Particulars();
}
