using EpfTest.Protocol.Pcie;
using Microsoft.Extensions.Logging;

namespace EpfTest.Protocol.Hosting;

/// <summary>Logs the first of a burst of failed accesses, and later the number of the others.</summary>
internal sealed class BurstLog(ILogger logger)
{
    private const long BurstMilliseconds = 1000;

    private readonly Lock _lock = new();
    private long _last = -BurstMilliseconds;
    private long _suppressed;

    /// <summary>Reports a failed access, such as an "outbound read".</summary>
    public void Report(string what, ulong address, RequestStatus error)
    {
        long suppressed;
        lock (_lock)
        {
            long now = Environment.TickCount64;
            bool continues = now - _last < BurstMilliseconds;
            _last = now;
            if (continues)
            {
                _suppressed++;
                return;
            }

            suppressed = _suppressed;
            _suppressed = 0;
        }

        if (suppressed > 0)
        {
            logger.LogWarning("{Count} other accesses failed before", suppressed);
        }

        logger.LogWarning("{What} at 0x{Address:x} failed: {Error}", what, address, error);
    }
}
