using System.Net.Sockets;
using System.Text;
using System.Threading.Channels;

namespace EpfTest.Rig.Guests;

/// <summary>
/// The second serial port of one QEMU: what the guest's script prints, and what it is told. QEMU connects to the socket
/// when it starts. The last line is "epftest: exit N" (guest/init), with the script's status.
/// </summary>
internal sealed class ScriptChannel : IDisposable
{
    private const string ExitMark = "epftest: exit ";

    // A script that prints no line ends must not fill our memory.
    private const int MaxLine = 64 * 1024;

    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly Channel<string> _told = Channel.CreateUnbounded<string>();
    private readonly CancellationTokenSource _ended = new();
    private readonly string _path;
    private readonly string _log;
    private readonly Action<string> _report;

    /// <summary>Listens.</summary>
    /// <param name="path">The socket's path.</param>
    /// <param name="log">The file to which all lines are appended, byte for byte.</param>
    /// <param name="report">Called with each line.</param>
    public ScriptChannel(string path, string log, Action<string> report)
    {
        (_path, _log, _report) = (path, log, report);
        File.Delete(path);
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _listener.Listen(1);
        Completed = ServeAsync();
    }

    /// <summary>Ends when the last line has been reported.</summary>
    public Task Completed { get; }

    /// <summary>The script's exit status; null as long as it runs, and if it never ended.</summary>
    public int? ScriptStatus { get; private set; }

    /// <summary>Sends a line to the script, now or when QEMU has connected.</summary>
    public void Tell(string line) => _told.Writer.TryWrite(line);

    /// <summary>To be called when QEMU has ended: it may never have connected.</summary>
    public void Finish() => _ended.Cancel();

    /// <inheritdoc/>
    public void Dispose()
    {
        _listener.Dispose();
        _ended.Dispose();
        File.Delete(_path);
    }

    private async Task ServeAsync()
    {
        await using var log = new FileStream(
            _log, FileMode.Append, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        Socket connection;
        try
        {
            connection = await _listener.AcceptAsync(_ended.Token);
        }
        catch (OperationCanceledException)
        {
            if (!_listener.Poll(TimeSpan.Zero, SelectMode.SelectRead))
            {
                return;
            }

            // QEMU has connected and ended before we got to it.
            connection = await _listener.AcceptAsync();
        }

        using (connection)
        {
            Task writing = WriteAsync(connection);
            await ReadAsync(connection, log);
            _told.Writer.Complete();
            await writing;
        }
    }

    private async Task WriteAsync(Socket connection)
    {
        try
        {
            await foreach (string line in _told.Reader.ReadAllAsync())
            {
                await connection.SendAsync(Encoding.UTF8.GetBytes(line + '\n'));
            }
        }
        catch (SocketException)
        {
            // QEMU has ended; the reader notices.
        }
    }

    private async Task ReadAsync(Socket connection, FileStream log)
    {
        byte[] buffer = new byte[MaxLine];
        int used = 0;
        while (true)
        {
            int received;
            try
            {
                received = await connection.ReceiveAsync(buffer.AsMemory(used));
            }
            catch (SocketException)
            {
                // A QEMU that is killed resets the connection.
                received = 0;
            }

            if (received == 0)
            {
                Report(buffer.AsSpan(0, used), log, ended: false);
                return;
            }

            int end = used + received;
            int start = 0;
            int newline;
            while ((newline = Array.IndexOf(buffer, (byte)'\n', start, end - start)) >= 0)
            {
                Report(buffer.AsSpan(start, newline - start), log, ended: true);
                start = newline + 1;
            }

            used = end - start;
            Buffer.BlockCopy(buffer, start, buffer, 0, used);
            if (used == buffer.Length)
            {
                Report(buffer, log, ended: false);
                used = 0;
            }
        }
    }

    /// <summary>Handles a line, or what there is of one at the end.</summary>
    private void Report(ReadOnlySpan<byte> bytes, FileStream log, bool ended)
    {
        // The script may have ended in the middle of a line.
        int mark = bytes.LastIndexOf(Encoding.ASCII.GetBytes(ExitMark));
        if (mark >= 0 && int.TryParse(Encoding.ASCII.GetString(bytes[(mark + ExitMark.Length)..]), out int status))
        {
            ScriptStatus = status;
            bytes = bytes[..mark];
            ended = false;
        }

        log.Write(bytes);
        if (ended)
        {
            log.WriteByte((byte)'\n');
        }

        if (ended || bytes.Length > 0)
        {
            _report(Encoding.UTF8.GetString(bytes));
        }
    }
}
