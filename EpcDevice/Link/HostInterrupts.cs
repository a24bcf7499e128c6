using EpfTest.Protocol.Link.Messages;
using EpfTest.Protocol.Linux;

namespace EpfTest.EpcDevice.Link;

/// <summary>
/// The eventfds that the host's QEMU waits on for MSI and MSI-X of a function, if the bridge has passed them.
/// Signalling one replaces the message TLP.
/// </summary>
/// <remarks>
/// Any thread may signal. The bridge passes an eventfd after the first interrupt of its vector, and takes it back
/// before the host sets that vector up differently.
/// </remarks>
internal sealed class HostInterrupts
{
    private readonly Lock _lock = new();
    private readonly Dictionary<int, EventFd> _signals = [];

    /// <summary>Signals a vector.</summary>
    /// <returns>False if the bridge must signal it.</returns>
    public bool TrySignal(bool isMsix, int vector)
    {
        // With the lock, so that no signal is under way when Forget() returns.
        lock (_lock)
        {
            if (!_signals.TryGetValue(KeyOf(isMsix, vector), out EventFd? signal))
            {
                return false;
            }

            signal.Signal();
            return true;
        }
    }

    /// <summary>Takes over the eventfd of a vector.</summary>
    public void Add(bool isMsix, int vector, EventFd signal)
    {
        lock (_lock)
        {
            Forget(KeyOf(isMsix, vector));
            _signals.Add(KeyOf(isMsix, vector), signal);
        }
    }

    /// <summary>Gives eventfds back: on return none of these vectors is signalled here.</summary>
    public void Forget(bool isMsix, int start, int count)
    {
        lock (_lock)
        {
            for (int vector = start; vector < start + count; vector++)
            {
                Forget(KeyOf(isMsix, vector));
            }
        }
    }

    /// <summary>Gives all eventfds back.</summary>
    public void ForgetAll()
    {
        lock (_lock)
        {
            foreach (EventFd signal in _signals.Values)
            {
                signal.Dispose();
            }

            _signals.Clear();
        }
    }

    private static int KeyOf(bool isMsix, int vector) => (isMsix ? InterruptAddMessage.MaxVectors : 0) + vector;

    private void Forget(int key)
    {
        if (_signals.Remove(key, out EventFd? signal))
        {
            signal.Dispose();
        }
    }
}
