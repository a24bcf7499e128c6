using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace EpfTest.Protocol.Hosting.Qmp;

/// <summary>
/// A connection to a QEMU's monitor in the QEMU Machine Protocol (<c>docs/interop/qmp-spec.rst</c>): one JSON object a
/// line, answers in the order of the commands, events in between.
/// </summary>
internal sealed class QmpClient : IDisposable
{
    // QEMU's largest messages are answers to queries, of which we send none.
    private const int MaxLine = 1 << 20;
    private const string NotFoundClass = "DeviceNotFound";

    private readonly Socket _socket;
    private readonly PipeReader _reader;
    private readonly Action<string, JsonElement> _onEvent;
    private readonly Action _onEnd;
    private readonly Lock _lock = new();
    private readonly Dictionary<long, TaskCompletionSource<JsonElement>> _asked = [];
    private readonly TaskCompletionSource _greeted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _receiving;
    private long _lastId;
    private volatile bool _hasHeard;
    private volatile bool _ended;

    private QmpClient(Socket socket, Action<string, JsonElement> onEvent, Action onEnd)
    {
        _socket = socket;
        _onEvent = onEvent;
        _onEnd = onEnd;
        _reader = PipeReader.Create(new NetworkStream(socket));
        _receiving = Task.Run(ReceiveAsync);
    }

    /// <summary>Whether the connection has ended.</summary>
    public bool HasEnded => _ended;

    /// <summary>Connects and negotiates capabilities.</summary>
    /// <param name="path">QEMU's socket: <c>-qmp unix:PATH,server=on,wait=off</c>.</param>
    /// <param name="limit">How long QEMU may take.</param>
    /// <param name="onEvent">Called with each event's name and data; must not wait for an answer of QEMU.</param>
    /// <param name="onEnd">Called once, when the connection has ended.</param>
    /// <exception cref="QmpException">No QEMU answers there.</exception>
    public static QmpClient Connect(string path, TimeSpan limit, Action<string, JsonElement> onEvent, Action onEnd)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.SendTimeout = (int)limit.TotalMilliseconds;
            socket.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException error)
        {
            socket.Dispose();

            // Where there is no file, .NET calls the address not available.
            throw error.SocketErrorCode is SocketError.AddressNotAvailable or SocketError.ConnectionRefused
                ? new QmpException($"no QEMU has its monitor at {path}") { IsAbsent = true }
                : new QmpException($"{path}: {error.Message}");
        }
        catch (ArgumentException error)
        {
            socket.Dispose();
            throw new QmpException($"{path}: {error.Message}");
        }

        var client = new QmpClient(socket, onEvent, onEnd);
        try
        {
            if (!client._greeted.Task.Wait(limit))
            {
                throw new QmpException(
                    $"{path}: timeout: no greeting within {limit.TotalSeconds} s; another client may use the monitor");
            }

            client.Execute("qmp_capabilities", null, limit);
            return client;
        }
        catch (AggregateException)
        {
            client.Dispose();
            throw client._hasHeard
                ? new QmpException($"{path}: malformed greeting: it is no monitor")
                : new QmpException($"{path}: QEMU hung up without a greeting, probably because it is ending")
                {
                    IsAbsent = true,
                };
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    /// <summary>Executes a command.</summary>
    /// <param name="command">Its name.</param>
    /// <param name="arguments">Its arguments, or null.</param>
    /// <param name="limit">How long QEMU may take.</param>
    /// <returns>Its return value.</returns>
    /// <exception cref="QmpException">QEMU refused it, is gone, or did not answer in time.</exception>
    public JsonElement Execute(string command, JsonObject? arguments, TimeSpan limit)
    {
        var answer = new TaskCompletionSource<JsonElement>(TaskCreationOptions.RunContinuationsAsynchronously);
        long id;
        lock (_lock)
        {
            if (_ended)
            {
                throw new QmpException($"{command}: QEMU is gone");
            }

            id = ++_lastId;
            _asked.Add(id, answer);
        }

        var message = new JsonObject { ["execute"] = command, ["id"] = id };
        if (arguments is not null)
        {
            message["arguments"] = arguments;
        }

        try
        {
            _socket.Send([.. JsonSerializer.SerializeToUtf8Bytes(message), (byte)'\n']);
            if (!answer.Task.Wait(limit))
            {
                throw new QmpException($"{command}: timeout: QEMU did not answer within {limit.TotalSeconds} s");
            }

            return answer.Task.Result;
        }
        catch (AggregateException error) when (error.InnerException is QmpException reason)
        {
            throw new QmpException($"{command}: {reason.Message}") { IsNotFound = reason.IsNotFound };
        }
        catch (SocketException error)
        {
            throw new QmpException($"{command}: {error.Message}");
        }
        finally
        {
            lock (_lock)
            {
                _asked.Remove(id);
            }
        }
    }

    /// <summary>Fails the command under way and all that follow. May be called by any thread.</summary>
    public void HangUp()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // The connection has ended already.
        }
    }

    /// <summary>Hangs up.</summary>
    public void Dispose()
    {
        HangUp();
        _receiving.Wait();
        _socket.Dispose();
    }

    private async Task ReceiveAsync()
    {
        try
        {
            while (true)
            {
                ReadResult result = await _reader.ReadAsync().ConfigureAwait(false);
                ReadOnlySequence<byte> buffer = result.Buffer;
                _hasHeard |= !buffer.IsEmpty;
                while (buffer.PositionOf((byte)'\n') is { } end)
                {
                    Handle(buffer.Slice(0, end));
                    buffer = buffer.Slice(buffer.GetPosition(1, end));
                }

                _reader.AdvanceTo(buffer.Start, buffer.End);
                if (result.IsCompleted || buffer.Length > MaxLine)
                {
                    break;
                }
            }
        }
        catch (Exception error) when (error is IOException or JsonException)
        {
            // A monitor that hangs up or sends a malformed line has ended.
        }

        End();
    }

    private void Handle(ReadOnlySequence<byte> line)
    {
        using JsonDocument document = JsonDocument.Parse(line);
        JsonElement message = document.RootElement;
        if (message.ValueKind != JsonValueKind.Object)
        {
            throw new JsonException();
        }

        if (message.TryGetProperty("QMP", out _))
        {
            _greeted.TrySetResult();
        }
        else if (message.TryGetProperty("event", out JsonElement name))
        {
            message.TryGetProperty("data", out JsonElement data);
            _onEvent(name.ToString(), data.ValueKind == JsonValueKind.Undefined ? data : data.Clone());
        }
        else if (message.TryGetProperty("id", out JsonElement id) && id.TryGetInt64(out long number))
        {
            Answer(number, message);
        }
    }

    private void Answer(long id, JsonElement message)
    {
        lock (_lock)
        {
            if (!_asked.TryGetValue(id, out TaskCompletionSource<JsonElement>? answer))
            {
                return;
            }

            if (message.TryGetProperty("return", out JsonElement value))
            {
                answer.TrySetResult(value.Clone());
            }
            else
            {
                message.TryGetProperty("error", out JsonElement error);
                answer.TrySetException(new QmpException(Text(error, "desc") ?? "QEMU gave no reason")
                {
                    IsNotFound = Text(error, "class") == NotFoundClass,
                });
            }
        }
    }

    private static string? Text(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out JsonElement text)
            ? text.ToString()
            : null;

    private void End()
    {
        lock (_lock)
        {
            _ended = true;
            foreach (TaskCompletionSource<JsonElement> answer in _asked.Values)
            {
                answer.TrySetException(new QmpException("QEMU is gone"));
            }
        }

        _greeted.TrySetException(new QmpException("no greeting"));
        _onEnd();
    }
}
