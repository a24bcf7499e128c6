using System.Globalization;
using EpfTest.Kit;
using EpfTest.Protocol.Linux;

namespace EpfTest.Bench.Machine;

/// <summary>Starts the servers of <c>Bench/reference/responder.c</c>.</summary>
/// <param name="program">The built program.</param>
/// <param name="folder">The folder for their sockets.</param>
internal sealed class Reference(string program, string folder) : IDisposable
{
    private readonly List<ChildProcess> _processes = [];
    private readonly List<UnixSocket> _sockets = [];
    private int _number;

    /// <summary>A connection to a server that answers each request.</summary>
    /// <param name="core">The server's core.</param>
    /// <param name="request">Bytes of a request.</param>
    /// <param name="reply">Bytes of its reply.</param>
    /// <param name="pollMicroseconds">How long it polls before it waits.</param>
    public UnixSocket Answer(int core, long request, int reply, int pollMicroseconds = 0) =>
        Connect(StartAnswer(core, request, reply, pollMicroseconds));

    /// <summary>A connection to a relay to a server that answers each request.</summary>
    /// <param name="core">The relay's core.</param>
    /// <param name="request">Bytes of a request.</param>
    /// <param name="reply">Bytes of its reply.</param>
    /// <param name="nextCore">The server's core.</param>
    /// <param name="nextRequest">Bytes of the relay's request to the server.</param>
    /// <param name="nextReply">Bytes of the server's reply.</param>
    public UnixSocket Chain(int core, int request, int reply, int nextCore, int nextRequest, int nextReply) =>
        Connect(
            StartRelay(core, request, reply, StartAnswer(nextCore, nextRequest, nextReply, 0), nextRequest, nextReply));

    /// <summary>A connection to a server that signals an eventfd with each request.</summary>
    public UnixSocket Signal(int core, int request, int reply, EventFd signal)
    {
        string path = Start(core, "signal", "", request, reply);
        Pass(path, signal);
        return Connect(path);
    }

    /// <summary>A connection to a relay to a server that signals, for which the relay does not wait.</summary>
    public UnixSocket SignalChain(int core, int request, int reply, int nextCore, int nextRequest, EventFd signal)
    {
        string next = Start(nextCore, "signal", "", nextRequest, 0);
        Pass(next, signal);
        return Connect(StartRelay(core, request, reply, next, nextRequest, 0));
    }

    /// <summary>Starts a server that answers, without waiting for its socket.</summary>
    public (ChildProcess Process, string Path) Launch(int core)
    {
        string path = NewPath();
        return (Programs.Start(core, program, "answer", path, "1", "1"), path);
    }

    public void Dispose()
    {
        _sockets.ForEach(socket => socket.Dispose());
        _processes.ForEach(process => process.Dispose());
    }

    private string NewPath() => Path.Combine(folder, $"reference{++_number}");

    private string StartAnswer(int core, long request, int reply, int poll) =>
        Start(core, "answer", "", request, reply, poll);

    private string StartRelay(int core, int request, int reply, string next, int nextRequest, int nextReply) =>
        Start(core, "relay", next, request, reply, nextRequest, nextReply);

    private string Start(int core, string kind, string next, params ReadOnlySpan<long> numbers)
    {
        string path = NewPath();
        List<string> arguments = [kind, path];
        foreach (long number in numbers)
        {
            arguments.Add(number.ToString(CultureInfo.InvariantCulture));
        }

        if (next.Length > 0)
        {
            arguments.Insert(4, next);
        }

        ChildProcess process = Programs.Start(core, program, arguments);
        _processes.Add(process);
        process.WaitFor(() => File.Exists(path), $"makes the socket {path}");
        return path;
    }

    private UnixSocket Connect(string path)
    {
        UnixSocket socket = Served.Connect(path);
        socket.SetReceiveTimeout(Limits.Reply);
        _sockets.Add(socket);
        return socket;
    }

    private static void Pass(string path, EventFd signal)
    {
        using UnixSocket socket = Served.Connect(path);
        _ = socket.Send([0], [signal.Number]);
    }
}
