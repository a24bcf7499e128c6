using EpfTest.Protocol.Hosting;
using EpfTest.Protocol.Pcie;

namespace EpfTest.EpfBridge;

/// <summary>EpfBridge's command line.</summary>
internal sealed class BridgeOptions : LinkedDeviceOptions
{
    /// <summary>Where a function's socket is made: function 0 at --socket itself, others at --socket with .1, .2,
    /// ...</summary>
    public string SocketOf(FunctionId function) =>
        function.Number == 0 ? Socket : $"{Socket}.{function}";
}
