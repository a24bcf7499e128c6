using EpfTest.EpcDevice.Functions;
using EpfTest.EpcDevice.Guest;
using EpfTest.EpcDevice.Link;
using EpfTest.EpcDevice.Outbound;
using EpfTest.EpcDevice.Registers;
using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.EpcDevice;

/// <summary>Takes the link through its states: as the EP guest enables and disables it, and as bridges come and go.
/// </summary>
/// <remarks><see cref="Enable"/>, <see cref="Disable"/> and <see cref="TrainIfReady"/> belong to the thread that serves
/// the EP guest, and <see cref="HostPresenceChanged"/> to the link's. The state changes under the controller's lock,
/// which is not held while <see cref="IHostLink.SetLink"/> waits for the bridge.</remarks>
internal sealed class LinkControl(
    Lock controllerLock,
    LinkTraining training,
    IHostLink host,
    EndpointFunction[] functions,
    GlobalEvents events,
    OutboundUnit outbound)
{
    /// <summary>LINK_CONTROL.</summary>
    public uint Control => Field.Put(EpcRegister.LinkControlEnable, training.IsEnabled);

    /// <summary>LINK_STATUS.</summary>
    public uint Status
    {
        get
        {
            bool isUp = training.IsUp;
            return Field.Put(EpcRegister.LinkStatusUp, isUp)
                | Field.Put(EpcRegister.LinkStatusPerst, training.IsPerstAsserted)
                | Field.Put(EpcRegister.LinkStatusSpeed, isUp ? PciExpressCapability.LinkSpeed : 0)
                | Field.Put(EpcRegister.LinkStatusWidth, isUp ? PciExpressCapability.LinkWidth : 0);
        }
    }

    /// <summary>The EP guest enables the link; ignored while PERST# is asserted.</summary>
    public void Enable()
    {
        lock (controllerLock)
        {
            training.Take(LinkEvent.Enable);
        }

        TrainIfReady();
    }

    /// <summary>Brings the link up if it is enabled and the functions are complete.</summary>
    public void TrainIfReady()
    {
        lock (controllerLock)
        {
            if (training.State != LinkState.Polling || !functions[0].IsPresent || !ShowFunctions())
            {
                return;
            }

            training.Take(LinkEvent.FunctionsReady);
        }

        bool up = host.SetLink(true);
        lock (controllerLock)
        {
            if (up && training.Take(LinkEvent.Up))
            {
                events.Raise(EpcRegister.EventLinkUp);
            }
        }

        outbound.MappedWindow.Reconcile();
    }

    /// <summary>Takes the link down; on return the host has no access any more.</summary>
    public void Disable()
    {
        bool wasUp;
        bool isTrained;
        lock (controllerLock)
        {
            wasUp = training.IsUp;
            training.Take(LinkEvent.Disable);
            isTrained = training.AreFunctionsFixed;
        }

        if (!isTrained)
        {
            return;
        }

        // A host that lets go of the functions in good order uses them, so they stay visible until SetLink returns.
        // What the host takes away meanwhile cannot wait for the EP guest's QEMU, which waits for this thread.
        outbound.SuspendWaiting();
        host.SetLink(false);
        lock (controllerLock)
        {
            if (training.Take(LinkEvent.Down))
            {
                HideFunctions();
            }

            // The bridge may have left in between, when the link was not up any more.
            RaiseLinkDown(wasUp);
        }

        outbound.ResumeWaiting();
    }

    /// <inheritdoc cref="IEndpoint.HostPresenceChanged"/>
    public void HostPresenceChanged(bool present)
    {
        lock (controllerLock)
        {
            bool wasUp = training.IsUp;
            if (!training.Take(present ? LinkEvent.HostArrived : LinkEvent.HostLeft))
            {
                return;
            }

            if (present)
            {
                events.Raise(EpcRegister.EventPerstDeasserted);
                return;
            }

            RaiseLinkDown(wasUp);
            HideFunctions();
            events.Raise(EpcRegister.EventPerstAsserted);
        }

        outbound.MappedWindow.Reconcile();
    }

    private bool ShowFunctions()
    {
        bool multiFunction = functions.Skip(1).Any(static function => function.IsPresent);
        if (functions.All(function => function.Show(multiFunction)))
        {
            return true;
        }

        HideFunctions();
        return false;
    }

    private void HideFunctions() => Array.ForEach(functions, static function => function.Hide());

    private void RaiseLinkDown(bool wasUp)
    {
        if (wasUp)
        {
            events.Raise(EpcRegister.EventLinkDown);
        }
    }
}
