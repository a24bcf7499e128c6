using EpfTest.Protocol.Hosting;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie;
using Microsoft.Extensions.Logging;

namespace EpfTest.EpcDevice.Functions;

/// <summary>A function's own requests that failed: logged once a burst, and counted until the link ends.</summary>
/// <remarks>For any thread.</remarks>
internal sealed class FailedRequests(FunctionId function, ILogger logger)
{
    private readonly BurstLog _log = new(logger);
    private readonly string _read = $"outbound read by function {function}";
    private readonly string _write = $"outbound write by function {function}";
    private readonly long[] _counts = new long[Enum.GetValues<RequestStatus>().Length];

    /// <summary>A request failed.</summary>
    /// <param name="access">Which kind.</param>
    /// <param name="address">Host bus address.</param>
    /// <param name="status">How it failed.</param>
    public void Add(DmaAccess access, ulong address, RequestStatus status)
    {
        Interlocked.Increment(ref _counts[(int)status]);
        _log.Report(access == DmaAccess.Write ? _write : _read, address, status);
    }

    /// <summary>Logs the counts, and begins anew: the link has ended.</summary>
    public void LogCounts()
    {
        string[] counts =
        [
            .. from status in Enum.GetValues<RequestStatus>()
               let count = Interlocked.Exchange(ref _counts[(int)status], 0)
               where count > 0
               select $"{count} {status}",
        ];
        if (counts.Length > 0)
        {
            logger.LogWarning("requests of function {Function} failed: {Counts}", function, string.Join(", ", counts));
        }
    }
}
