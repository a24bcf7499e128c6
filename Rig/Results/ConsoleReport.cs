using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace EpfTest.Rig.Results;

/// <summary>
/// A kernel's complaint on its console. Two with the same fingerprint are most likely the same fault: it is made of the
/// kind and the functions of the call trace, and stays the same at other addresses and in other builds.
/// </summary>
/// <param name="Title">The line that says what happened.</param>
/// <param name="Functions">The call trace, innermost first. Empty if there is none.</param>
/// <param name="Lines">The report as it is on the console, without times.</param>
internal sealed partial record ConsoleReport(
    ReportKind Kind, string Title, IReadOnlyList<string> Functions, IReadOnlyList<string> Lines)
{
    private const int FingerprintDigits = 12;

    /// <summary>The line of the console with which the report begins, from 1.</summary>
    public int FirstLine { get; init; }

    /// <summary>The release of the kernel that wrote it, or "" if the console does not say.</summary>
    public string Kernel { get; init; } = "";

    public string Fingerprint
    {
        get
        {
            // Without a trace the title has to do, without what differs from run to run.
            IEnumerable<string> parts = Functions.Count > 0 ? Functions : [Numbers().Replace(Title, "#")];
            byte[] text = Encoding.UTF8.GetBytes(string.Join('\n', parts.Prepend(Kind.ToString())));
            return Convert.ToHexStringLower(SHA256.HashData(text))[..FingerprintDigits];
        }
    }

    [GeneratedRegex(@"\b0x[0-9a-f]+|\b[0-9a-f]*[0-9][0-9a-f]*\b")]
    private static partial Regex Numbers();
}
