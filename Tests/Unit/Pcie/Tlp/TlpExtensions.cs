using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.Unit.Pcie.Tlp;

/// <summary>What tests want of TLPs and the products do not.</summary>
internal static class TlpExtensions
{
    /// <summary>Decodes a header given in hexadecimal, with zeros as its payload.</summary>
    public static TlpHeader Decode(string hex)
    {
        byte[] bytes = Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));
        Assert.That(TlpHeader.TryDecodeHeader(bytes, out TlpHeader header, out TlpError error), error.Describe());
        return header;
    }

    /// <summary>Takes a completion, and puts its data in its place.</summary>
    public static CompletionResult Accept(
        this ref CompletionAssembler assembler,
        in TlpHeader completion,
        ReadOnlySpan<byte> payload,
        Span<byte> destination)
    {
        CompletionResult result = assembler.Accept(
            completion, payload, out int offset, out ReadOnlySpan<byte> data);
        data.CopyTo(destination[Math.Min(offset, destination.Length)..]);
        return result;
    }

    /// <summary>Copies the enabled bytes of a write, and leaves the others as they are.</summary>
    public static void Scatter(in TlpHeader header, ReadOnlySpan<byte> payload, Span<byte> destination)
    {
        ReadOnlySpan<byte> bytes = TlpPayload.Unpack(header, payload);
        for (int i = 0; i < bytes.Length; i++)
        {
            destination[i] = header.IsByteEnabled(i) ? bytes[i] : destination[i];
        }
    }
}
