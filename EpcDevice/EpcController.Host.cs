using EpfTest.EpcDevice.Functions;
using EpfTest.EpcDevice.Link;
using EpfTest.EpcDevice.Registers;

namespace EpfTest.EpcDevice;

/// <content>What comes from the host.</content>
internal sealed partial class EpcController : IEndpoint
{
    /// <inheritdoc/>
    public IReadOnlyList<IFunction> Functions => _functions;

    /// <inheritdoc/>
    public void HostPresenceChanged(bool present)
    {
        lock (_lock)
        {
            if (present)
            {
                if (_link.Take(LinkEvent.HostArrived))
                {
                    _events.Raise(EpcRegister.EventPerstDeasserted);
                }

                return;
            }

            bool wasUp = _link.IsUp;
            if (!_link.Take(LinkEvent.HostLeft))
            {
                return;
            }

            ForgetHost(wasUp);
            _events.Raise(EpcRegister.EventPerstAsserted);
        }

        _mapped.Follow();
    }

    /// <inheritdoc/>
    public void WhenWindowFollows(Action then) => _mapped.Follow(then);

    /// <inheritdoc/>
    public bool HasPendingPostedWrites => _guest.Client?.HasPendingPostedWrites ?? false;

    /// <inheritdoc/>
    public bool DrainPostedWrites() => _guest.Client?.DrainPostedWrites() ?? true;

    /// <inheritdoc/>
    public void HostKeepsBars() => _fail(
        "the endpoint has gone, but the host's QEMU still has its BARs mapped to memory of the EP guest (--map-bars): "
        + "remove the device from the host (device_del), or end that guest, before the endpoint stops");

    /// <summary>The host side is gone, or has let go: functions may change again.</summary>
    private void ForgetHost(bool wasUp)
    {
        if (wasUp)
        {
            _events.Raise(EpcRegister.EventLinkDown);
        }

        foreach (FunctionBlock function in _functions)
        {
            function.Disassemble();
        }
    }
}
