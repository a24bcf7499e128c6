using System.Globalization;
using System.Text;
using System.Text.Json;

namespace EpfTest.Protocol.VfioUser;

/// <summary>
/// The capabilities that a side states in its VFIO_USER_VERSION message, as JSON (vfio-user specification,
/// "VFIO_USER_VERSION"). What a peer leaves out has the specification's default.
/// </summary>
/// <param name="MaxMessageDescriptors">Descriptors that the sender can receive with one message.</param>
/// <param name="MaxDataTransferSize">Bytes that one message may read or write.</param>
/// <param name="HasPageSizes">Whether it stated <c>pgsizes</c>.</param>
/// <param name="HasMaxDmaMaps">Whether it stated <c>max_dma_maps</c>.</param>
internal readonly record struct VersionData(
    int MaxMessageDescriptors, long MaxDataTransferSize, bool HasPageSizes, bool HasMaxDmaMaps)
{
    public const ushort Major = 0;
    public const ushort Minor = 0;

    /// <summary>The most data that one message may carry to or from us, in bytes: the specification's default.</summary>
    public const int OurMaxDataTransferSize = 1 << 20;

    // More than this QEMU refuses (VFIO_USER_MAX_MAX_FDS in hw/vfio-user/protocol.h).
    private const int OurMaxMessageDescriptors = 16;
    private const int PeerMaxMessageDescriptorsLimit = 1024;

    public static readonly VersionData Default = new(1, OurMaxDataTransferSize, false, false);

    /// <summary>Reads version data, which ends with a zero byte; none at all means the defaults.</summary>
    /// <returns>False where it is not what the specification allows.</returns>
    public static bool TryParse(ReadOnlySpan<byte> json, out VersionData data)
    {
        data = Default;
        if (json.IsEmpty)
        {
            return true;
        }

        if (json[^1] != 0)
        {
            return false;
        }

        try
        {
            var reader = new Utf8JsonReader(json[..^1]);
            using var document = JsonDocument.ParseValue(ref reader);
            JsonElement root = document.RootElement;
            return !reader.Read()
                && root.ValueKind == JsonValueKind.Object
                && (!root.TryGetProperty("capabilities", out JsonElement capabilities)
                    || TryReadCapabilities(capabilities, ref data));
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            // The latter comes of a name with half a surrogate pair in it.
            return false;
        }
    }

    /// <summary>What this server states, of the capabilities that the client proposed; ends with a zero byte.</summary>
    /// <remarks>
    /// <c>write_multiple</c> is never offered: to QEMU 10.1 and 10.2 it would mean that every message is queued.
    /// </remarks>
    public byte[] Answer(int maxDmaMaps)
    {
        var text = new StringBuilder();
        text.Append(
            CultureInfo.InvariantCulture,
            $$"""{"capabilities":{"max_msg_fds":{{OurMaxMessageDescriptors}},"max_data_xfer_size":{{OurMaxDataTransferSize}}""");
        if (HasPageSizes)
        {
            text.Append(CultureInfo.InvariantCulture, $",\"pgsizes\":{Environment.SystemPageSize}");
        }

        if (HasMaxDmaMaps)
        {
            text.Append(CultureInfo.InvariantCulture, $",\"max_dma_maps\":{maxDmaMaps}");
        }

        return Encoding.UTF8.GetBytes(text.Append("}}\0").ToString());
    }

    private static bool TryReadCapabilities(JsonElement capabilities, ref VersionData data)
    {
        if (capabilities.ValueKind != JsonValueKind.Object)
        {
            return false;
        }

        long descriptors = data.MaxMessageDescriptors;
        long transfer = data.MaxDataTransferSize;
        if (!TryReadNumber(capabilities, "max_msg_fds", 0, PeerMaxMessageDescriptorsLimit, ref descriptors)
            || !TryReadNumber(capabilities, "max_data_xfer_size", 1, long.MaxValue, ref transfer))
        {
            return false;
        }

        if (capabilities.TryGetProperty("migration", out JsonElement migration))
        {
            long pageSize = 0;
            if (migration.ValueKind != JsonValueKind.Object
                || !TryReadNumber(migration, "pgsize", 0, long.MaxValue, ref pageSize))
            {
                return false;
            }
        }

        data = new VersionData(
            (int)descriptors,
            transfer,
            capabilities.TryGetProperty("pgsizes", out _),
            capabilities.TryGetProperty("max_dma_maps", out _));
        return true;
    }

    private static bool TryReadNumber(JsonElement parent, string name, long least, long most, ref long value)
    {
        if (!parent.TryGetProperty(name, out JsonElement element))
        {
            return true;
        }

        return element.ValueKind == JsonValueKind.Number
            && element.TryGetInt64(out value)
            && value >= least
            && value <= most;
    }
}
