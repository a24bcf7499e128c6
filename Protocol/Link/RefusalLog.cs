using Microsoft.Extensions.Logging;

namespace EpfTest.Protocol.Link;

/// <summary>Logs why a link is refused, once for each reason while the other side keeps trying.</summary>
/// <remarks>For one thread.</remarks>
internal sealed class RefusalLog(ILogger logger)
{
    private string? _last;

    internal void Refused(string reason)
    {
        if (reason != _last)
        {
            _last = reason;
            logger.LogError("link refused: {Reason}", reason);
        }
    }

    internal void Accepted() => _last = null;
}
