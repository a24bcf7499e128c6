using EpfTest.EpcDevice.Registers;
using EpfTest.Protocol.VfioUser;

namespace EpfTest.EpcDevice.Guest;

/// <summary>The controller's interrupt vectors in the EP guest: MSI-X, or MSI where it has no MSI-X.</summary>
/// <remarks>Any thread may fire, with any lock held: firing waits for nothing.</remarks>
internal sealed class EpInterrupts
{
    /// <summary>The vector of the event registers.</summary>
    public const int EventVector = 0;

    /// <summary>The vector of DMA channel 0; the other channels follow.</summary>
    public const int FirstDmaVector = 1;

    public const int DoorbellVector = FirstDmaVector + EpcLimits.DmaChannels;

    /// <summary>The mapped window's vector: a change is complete.</summary>
    public const int WindowVector = DoorbellVector + 1;

    public const int Count = WindowVector + 1;

    private volatile IVfioUserClient? _client;
    private IrqIndex _index;
    private volatile bool _isEnabled;

    /// <summary>Whether the guest lets the controller send messages.</summary>
    public bool IsEnabled
    {
        get => _isEnabled;
        set => _isEnabled = value;
    }

    public void Attach(IVfioUserClient client, IrqIndex index)
    {
        _index = index;
        _client = client;
    }

    /// <summary>Sends one message; it is lost while the guest has them disabled.</summary>
    public void Fire(int vector)
    {
        if (_isEnabled)
        {
            _client?.Interrupts.Trigger(_index, vector);
        }
    }
}
