using EpfTest.Protocol.Linux;

namespace EpfTest.Kit;

/// <summary>Whether somebody listens.</summary>
internal static class Served
{
    /// <summary>At a Unix socket: its file may be there a moment before anybody listens, and after.</summary>
    public static bool At(string path)
    {
        try
        {
            UnixSocket.Connect(path).Dispose();
            return true;
        }
        catch (LinuxException)
        {
            return false;
        }
    }
}
