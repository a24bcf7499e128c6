using System.Diagnostics.CodeAnalysis;
using EpfTest.Protocol.Linux;

namespace EpfTest.Kit;

/// <summary>Whether a Unix socket is served: its file may be there a moment before anybody listens, and
/// after.</summary>
internal static class Served
{
    public static bool At(string path)
    {
        bool isServed = TryConnect(path, out UnixSocket? socket);
        socket?.Dispose();
        return isServed;
    }

    /// <summary>Connects as soon as somebody listens.</summary>
    public static UnixSocket Connect(string path)
    {
        UnixSocket? socket = null;
        Wait.Until(() => TryConnect(path, out socket), $"{path} is served");
        return socket!;
    }

    private static bool TryConnect(string path, [NotNullWhen(true)] out UnixSocket? socket)
    {
        try
        {
            socket = UnixSocket.Connect(path);
            return true;
        }
        catch (LinuxException)
        {
            socket = null;
            return false;
        }
    }
}
