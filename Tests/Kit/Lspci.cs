using System.ComponentModel;
using System.Diagnostics;

namespace EpfTest.Kit;

/// <summary>The real lspci, which decodes a configuration space that we did not write the decoder for.</summary>
internal static class Lspci
{
    /// <summary>What lspci makes of <paramref name="dump"/>, which is as <c>lspci -xxxx</c> prints.</summary>
    public static string Decode(string dump)
    {
        string file = Path.GetTempFileName();
        File.WriteAllText(file, dump);
        var start = new ProcessStartInfo("lspci", ["-vvv", "-F", file]) { RedirectStandardOutput = true };
        try
        {
            using Process lspci = Process.Start(start)!;
            string output = lspci.StandardOutput.ReadToEnd();
            lspci.WaitForExit();
            Assert.That(lspci.ExitCode, Is.Zero, "exit code of lspci");
            return output;
        }
        catch (Win32Exception e)
        {
            Assert.Ignore($"lspci did not start ({e.Message}): this test needs the package pciutils");
            throw;
        }
        finally
        {
            File.Delete(file);
        }
    }
}
