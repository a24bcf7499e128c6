using System.Diagnostics;
using EpfTest.EpcDevice.Link;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.EpcDevice.Functions;

/// <summary>What the parts of a function share.</summary>
/// <remarks>The setters of <see cref="Config"/> and <see cref="IsBusMaster"/> take the lock; any thread may read them.
/// </remarks>
internal sealed class FunctionContext(FunctionId id, Lock controllerLock, LinkTraining link)
{
    private volatile ConfigSpace? _config;
    private volatile bool _isBusMaster;
    private IFunctionPort? _port;

    public FunctionId Id => id;

    /// <summary>The controller's lock.</summary>
    public Lock Lock => controllerLock;

    public LinkTraining Link => link;

    /// <summary>The function's way to the host; set once, before the first commit.</summary>
    /// <remarks>Never used with <see cref="Lock"/> held.</remarks>
    public IFunctionPort Port
    {
        get
        {
            Debug.Assert(!controllerLock.IsHeldByCurrentThread, "a port waits for threads that may take the lock");
            return _port!;
        }
        set => _port = value;
    }

    /// <summary>The configuration space that the host sees; null while the function is not visible.</summary>
    public ConfigSpace? Config
    {
        get => _config;
        set => _config = value;
    }

    /// <summary>Whether the function may send requests: it is visible, in D0, and Bus Master Enable is set.</summary>
    public bool IsBusMaster
    {
        get => _isBusMaster;
        set => _isBusMaster = value;
    }
}
