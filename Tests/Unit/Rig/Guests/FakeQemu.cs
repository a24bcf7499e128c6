using System.Net.Sockets;
using EpfTest.Kit;

namespace EpfTest.Unit.Rig.Guests;

/// <summary>A QEMU whose guest's script is the test: it speaks over the script's channel.</summary>
internal sealed class FakeQemu : IDisposable
{
    private const string Chardev = "socket,id=script,path=";

    private readonly FakeProcess _process;
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly StreamReader _reader;

    public FakeQemu(FakeProcess process)
    {
        _process = process;
        string path = process.Spec.Command.Single(word => word.StartsWith(Chardev, StringComparison.Ordinal));
        _socket.Connect(new UnixDomainSocketEndPoint(path[Chardev.Length..]));
        _reader = new StreamReader(new NetworkStream(_socket));
        process.Killed = _socket.Dispose;
    }

    public void Print(params ReadOnlySpan<string> lines)
    {
        foreach (string line in lines)
        {
            PrintRaw(line + "\n");
        }
    }

    public void PrintRaw(string text) => _socket.Send(System.Text.Encoding.UTF8.GetBytes(text));

    /// <summary>The next line that the script is told.</summary>
    public string Hear() => Wait.For(_reader.ReadLineAsync())!;

    /// <summary>The script exits, and the guest powers off.</summary>
    public void Exit(int status)
    {
        Print($"epftest: exit {status}");
        End(0);
    }

    /// <summary>QEMU ends.</summary>
    public void End(int status)
    {
        _socket.Dispose();
        _process.End(status);
    }

    public void Dispose()
    {
        _socket.Dispose();
        _reader.Dispose();
    }
}
