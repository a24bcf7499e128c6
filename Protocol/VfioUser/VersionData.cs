using System.Text.Json;

namespace EpfTest.Protocol.VfioUser;

/// <summary>
/// The capabilities in a VFIO_USER_VERSION message, which are JSON (vfio-user specification, "VFIO_USER_VERSION"). A
/// capability that a peer leaves out has the specification's default.
/// </summary>
/// <param name="MaxMessageDescriptors">Descriptors that the sender accepts with one message.</param>
/// <param name="MaxDataTransferSize">Bytes that one message may read or write.</param>
/// <param name="HasPageSizes">Whether <c>pgsizes</c> is present.</param>
/// <param name="HasMaxDmaMaps">Whether <c>max_dma_maps</c> is present.</param>
internal readonly record struct VersionData(
    int MaxMessageDescriptors, long MaxDataTransferSize, bool HasPageSizes, bool HasMaxDmaMaps)
{
    public const ushort Major = 0;
    public const ushort Minor = 0;

    /// <summary>The most data that one message may carry to or from us, in bytes: the specification's
    /// default.</summary>
    public const int OurMaxDataTransferSize = 1 << 20;

    // QEMU refuses more than this (VFIO_USER_MAX_MAX_FDS in hw/vfio-user/protocol.h).
    private const int OurMaxMessageDescriptors = 16;
    private const int PeerMaxMessageDescriptorsLimit = 1024;

    public static readonly VersionData Default = new(1, OurMaxDataTransferSize, false, false);

    /// <summary>Decodes version data, which ends with a zero byte; an empty message means the defaults.</summary>
    /// <returns>False if it is malformed.</returns>
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
            // A name with half a surrogate pair in it throws the latter.
            return false;
        }
    }

    /// <summary>This server's capabilities, of those that the client proposed; ends with a zero byte.</summary>
    /// <remarks><c>write_multiple</c> is never offered: QEMU 10.1 and 10.2 would then queue every message.</remarks>
    public byte[] Answer(int maxDmaMaps)
    {
        var answer = new MemoryStream();
        using (var json = new Utf8JsonWriter(answer))
        {
            json.WriteStartObject();
            json.WriteStartObject("capabilities");
            json.WriteNumber("max_msg_fds", OurMaxMessageDescriptors);
            json.WriteNumber("max_data_xfer_size", OurMaxDataTransferSize);
            if (HasPageSizes)
            {
                json.WriteNumber("pgsizes", Environment.SystemPageSize);
            }

            if (HasMaxDmaMaps)
            {
                json.WriteNumber("max_dma_maps", maxDmaMaps);
            }

            json.WriteEndObject();
            json.WriteEndObject();
        }

        answer.WriteByte(0);
        return answer.ToArray();
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
