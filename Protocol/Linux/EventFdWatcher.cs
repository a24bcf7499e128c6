using Tmds.Linux;

namespace EpfTest.Protocol.Linux;

/// <summary>A thread that calls back when an eventfd is signalled.</summary>
/// <remarks>No callback starts after <see cref="Remove"/> has returned, but one may still be running.</remarks>
internal sealed class EventFdWatcher : IDisposable
{
    private const ulong StopKey = 0;

    private readonly Lock _lock = new();
    private readonly Dictionary<ulong, (EventFd Signal, Action Callback)> _watched = [];
    private readonly FileDescriptor _epoll;
    private readonly EventFd _stop = EventFd.Create();
    private readonly Thread _thread;
    private ulong _lastKey = StopKey;

    public EventFdWatcher(string name)
    {
        int descriptor = LibC.epoll_create1(LibC.EPOLL_CLOEXEC);
        _epoll = descriptor >= 0
            ? new FileDescriptor(descriptor)
            : throw LinuxException.FromLastError("create an epoll descriptor");
        Control(LibC.EPOLL_CTL_ADD, _stop, StopKey);
        _thread = new Thread(Run) { IsBackground = true, Name = name };
        _thread.Start();
    }

    /// <summary>Calls <paramref name="callback"/> on this watcher's thread for each signal.</summary>
    public void Add(EventFd signal, Action callback)
    {
        lock (_lock)
        {
            ulong key = ++_lastKey;
            Control(LibC.EPOLL_CTL_ADD, signal, key);
            _watched.Add(key, (signal, callback));
        }
    }

    /// <summary>Stops watching <paramref name="signal"/>.</summary>
    public void Remove(EventFd signal)
    {
        lock (_lock)
        {
            ulong key = _watched.First(entry => entry.Value.Signal == signal).Key;
            _watched.Remove(key);
            Control(LibC.EPOLL_CTL_DEL, signal, key);
        }
    }

    public void Dispose()
    {
        _stop.Signal();
        _thread.Join();
        _epoll.Dispose();
        _stop.Dispose();
    }

    private unsafe void Control(int operation, EventFd signal, ulong key)
    {
        var entry = new epoll_event { events = LibC.EPOLLIN };
        entry.data.u64 = key;
        if (LibC.epoll_ctl(_epoll.Number, operation, signal.Number, &entry) != 0)
        {
            throw LinuxException.FromLastError("watch an eventfd");
        }
    }

    private unsafe void Run()
    {
        while (true)
        {
            epoll_event entry;
            // One entry is asked for, and there is room for one.
            if (LibC.epoll_wait(_epoll.Number, &entry, 1, -1) != 1)
            {
                continue;
            }

            ulong key = entry.data.u64;
            if (key == StopKey)
            {
                return;
            }

            Action? callback = null;
            lock (_lock)
            {
                if (_watched.TryGetValue(key, out (EventFd Signal, Action Callback) watched))
                {
                    watched.Signal.Drain();
                    callback = watched.Callback;
                }
            }

            callback?.Invoke();
        }
    }
}
