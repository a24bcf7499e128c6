using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.Tlp;
using Microsoft.Extensions.Logging;

namespace EpfTest.Protocol.Link;

/// <summary>Logs a line for each TLP of the link at <see cref="LogLevel.Trace"/>.</summary>
internal sealed class TlpTrace(ILogger logger)
{
    /// <summary>Whether TLPs are logged; to be asked first, since logging allocates.</summary>
    public bool IsOn { get; } = logger.IsEnabled(LogLevel.Trace);

    public void Received(FunctionId function, in TlpHeader header) => Log("received", function, header);

    /// <summary>Logs the TLPs in frames that are sent.</summary>
    public void Sent(ReadOnlySpan<byte> frames)
    {
        while (!frames.IsEmpty)
        {
            FrameHeader frame = FrameHeader.Decode(frames);
            ReadOnlySpan<byte> payload = frames.Slice(FrameHeader.Length, (int)frame.PayloadLength);
            if (frame.Kind == FrameKind.Tlp && TlpHeader.TryDecode(payload, out TlpHeader header, out _))
            {
                Log("sent", frame.Function, header);
            }

            frames = frames[(FrameHeader.Length + payload.Length)..];
        }
    }

    private void Log(string direction, FunctionId function, in TlpHeader header) =>
        logger.LogTrace("{Direction} function {Function}: {Tlp}", direction, function, header.ToString());
}
