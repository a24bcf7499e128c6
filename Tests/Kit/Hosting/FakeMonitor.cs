using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace EpfTest.Kit.Hosting;

/// <summary>A QEMU's monitor with a root port "rp0": devices come at once, and go when the guest lets them.</summary>
internal sealed class FakeMonitor : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly Thread _thread;
    private readonly Lock _lock = new();
    private readonly List<string> _commands = [];
    private readonly HashSet<string> _devices = [];
    private readonly HashSet<string> _leaving = [];
    private readonly HashSet<string> _characterDevices = [];
    private readonly string _greeting;
    private Socket? _client;

    private const string Greeting = """{"QMP": {"version": {}, "capabilities": []}}""";

    public FakeMonitor(string path, string greeting = Greeting, params string[] devices)
    {
        Path = path;
        _devices.UnionWith(devices);
        _greeting = greeting;
        File.Delete(path);
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _listener.Listen();
        _thread = new Thread(Run) { IsBackground = true };
        _thread.Start();
    }

    /// <summary>Where it listens.</summary>
    public string Path { get; }

    /// <summary>Whether the guest lets go of a device when it is asked.</summary>
    public bool GuestReacts { get; set; } = true;

    /// <summary>Why device_add fails, or null.</summary>
    public string? Refusal { get; set; }

    /// <summary>The commands so far, as "name argument".</summary>
    public string[] Commands
    {
        get
        {
            lock (_lock)
            {
                return [.. _commands];
            }
        }
    }

    /// <summary>The arguments of the last device_add.</summary>
    public JsonObject? LastAdded { get; private set; }

    /// <summary>Called, with the arguments of device_add, by the thread that answers: QEMU's main loop realizes the
    /// device.</summary>
    public Action<JsonObject>? Realize { get; set; }

    /// <summary>Called when the guest has released a device, before DEVICE_DELETED is sent.</summary>
    public Action<string>? Unrealize { get; set; }

    public void AddDevice(string id)
    {
        lock (_lock)
        {
            _devices.Add(id);
        }
    }

    public bool HasDevice(string id)
    {
        lock (_lock)
        {
            return _devices.Contains(id);
        }
    }

    /// <summary>The guest lets go of all that it was asked to.</summary>
    public void LetGo()
    {
        lock (_lock)
        {
            foreach (string id in _leaving)
            {
                _devices.Remove(id);
                Unrealize?.Invoke(id);
                Send(
            $$$"""{"event": "DEVICE_DELETED", "data": {"device": "{{{id}}}", "path": "/machine"}, "timestamp": {}}""");
            }

            _leaving.Clear();
        }
    }

    public void Dispose()
    {
        _listener.Dispose();
        lock (_lock)
        {
            _client?.Shutdown(SocketShutdown.Both);
        }

        _thread.Join();
    }

    private void Run()
    {
        try
        {
            while (true)
            {
                using Socket client = _listener.Accept();
                try
                {
                    Serve(client);
                }
                catch (Exception error) when (error is SocketException or IOException)
                {
                    // A client that is killed resets the connection, where it has not read all.
                }

                lock (_lock)
                {
                    _client = null;
                }
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // Disposed.
        }
    }

    private void Serve(Socket client)
    {
        lock (_lock)
        {
            _client = client;
            Send(_greeting);
        }

        using var reader = new StreamReader(new NetworkStream(client));
        while (reader.ReadLine() is { } line)
        {
            Answer(JsonNode.Parse(line)!.AsObject());
        }
    }

    private void Answer(JsonObject message)
    {
        string command = message["execute"]!.ToString();
        JsonObject? arguments = message["arguments"]?.AsObject();
        string id = arguments?["id"]?.ToString() ?? "";
        lock (_lock)
        {
            if (command is "chardev-add")
            {
                _characterDevices.Add(id);
            }

            _commands.Add($"{command} {id}".Trim());
            string? error = command switch
            {
                "qmp_capabilities" or "qom-list" or "chardev-add" => null,
                "chardev-remove" when !_characterDevices.Remove(id) => $"Chardev '{id}' not found",
                "chardev-remove" => null,
                "device_add" => Refusal ?? Add(arguments!, id),
                "device_del" when !_devices.Contains(id) => $"Device '{id}' not found",
                "device_del" when !_leaving.Add(id) => $"Device {id} is already in the process of unplug",
                "device_del" => null,
                _ => $"The command {command} has not been found",
            };
            string number = message["id"]!.ToJsonString();
            string value = command == "qom-list"
                ? List(arguments!["path"]!.ToString() == "/chardevs" ? _characterDevices : _devices)
                : "{}";
            string errorClass = command == "device_del" && error?.Contains("not found") == true
                ? "DeviceNotFound"
                : "GenericError";
            Send(error is null
                ? $$"""{"return": {{value}}, "id": {{number}}}"""
                : $$$"""{"id": {{{number}}}, "error": {"class": "{{{errorClass}}}", "desc": "{{{error}}}"}}""");
        }

        if (GuestReacts)
        {
            LetGo();
        }
    }

    private static string List(IEnumerable<string> names) =>
        $"[{string.Join(", ", names.Select(name => $$"""{"name": "{{name}}", "type": "child<any>"}"""))}]";

    private string? Add(JsonObject arguments, string id)
    {
        LastAdded = arguments;
        Realize?.Invoke(arguments);
        return _devices.Add(id) ? null : $"Duplicate device ID '{id}'";
    }

    private void Send(string line) => _client?.Send(Encoding.UTF8.GetBytes(line + "\r\n"));
}
