using EpfTest.Protocol.Hosting;

namespace EpfTest.EpfBridge;

/// <summary>EpfBridge's command line.</summary>
internal sealed class BridgeOptions : LinkedDeviceOptions
{
    /// <summary>Where a function's socket is made: function 0 at --socket itself, others at --socket with .1, .2, ...</summary>
    public string SocketOf(int function) => function == 0 ? Socket : $"{Socket}.{function}";
}
