using System.Diagnostics.CodeAnalysis;
using EpfTest.Protocol.Linux;

namespace EpfTest.Kit;

/// <summary>Whether a Unix socket is served: its file may be there a moment before anybody listens, and after.</summary>
internal static class Served
{
    public static bool At(string path)
    {
        bool isServed = TryConnect(path, out UnixSocket? socket);
        socket?.Dispose();
        return isServed;
    }

    public static bool TryConnect(string path, [NotNullWhen(true)] out UnixSocket? socket)
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
