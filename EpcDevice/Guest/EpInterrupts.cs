using EpfTest.EpcDevice.Registers;
using EpfTest.Protocol.VfioUser;

namespace EpfTest.EpcDevice.Guest;

/// <summary>The controller's MSI-X vectors in the EP guest, or MSI where it has no MSI-X.</summary>
/// <remarks>Any thread may fire, with any lock held: this waits for nothing.</remarks>
internal sealed class EpInterrupts
{
    /// <summary>The vector of the event registers.</summary>
    public const int EventVector = 0;

    /// <summary>The vector of DMA channel 0; the others follow.</summary>
    public const int FirstDmaVector = 1;

    /// <summary>The doorbell's vector.</summary>
    public const int DoorbellVector = FirstDmaVector + EpcLimits.DmaChannels;

    /// <summary>The mapped window's vector: a change is complete.</summary>
    public const int WindowVector = DoorbellVector + 1;

    /// <summary>How many there are.</summary>
    public const int Count = WindowVector + 1;

    private volatile IVfioUserClient? _client;
    private IrqIndex _index;
    private volatile bool _isEnabled;

    /// <summary>Whether the guest lets the controller send messages; else they are lost.</summary>
    public bool IsEnabled
    {
        get => _isEnabled;
        set => _isEnabled = value;
    }

    /// <summary>Says where interrupts go, and as what.</summary>
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
