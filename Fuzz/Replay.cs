using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace EpfTest.Fuzz;

/// <summary>Runs existing inputs, and prints how much of the code they reach.</summary>
internal static unsafe class Replay
{
    /// <summary>Runs each input; files of a folder in the order of their names.</summary>
    /// <returns>0, or 1 if one of them is a finding.</returns>
    public static int Run(Func<FuzzTarget> make, string[] paths)
    {
        byte* counters = (byte*)NativeMemory.AllocZeroed(Coverage.Count);
        Coverage.Locations = counters;
        using FuzzTarget target = make();
        string[] inputs = [.. paths.SelectMany(InputsIn)];
        int findings = 0;

        // In bounds: this many bytes are allocated.
        var reached = new Span<byte>(counters, Coverage.Count);
        reached.Clear();
        foreach (string input in inputs)
        {
            try
            {
                Coverage.Begin();
                target.Execute(File.ReadAllBytes(input));
            }
            catch (Exception finding)
            {
                findings++;
                Console.Error.WriteLine($"{input}: {finding}");
            }
        }

        int edges = Coverage.Count - reached.Count((byte)0);
        Console.WriteLine($"{inputs.Length} inputs, {edges} edges, {findings} findings");
        return findings == 0 ? 0 : 1;
    }

    /// <summary>
    /// Copies to a folder, smallest first, each input that reaches an edge which no smaller one reaches: a small
    /// corpus.
    /// </summary>
    public static int Pick(Func<FuzzTarget> make, string destination, string[] paths)
    {
        byte* counters = (byte*)NativeMemory.AllocZeroed(Coverage.Count);
        Coverage.Locations = counters;
        using FuzzTarget target = make();

        // In bounds: this many bytes are allocated.
        var reached = new Span<byte>(counters, Coverage.Count);
        bool[] known = new bool[Coverage.Count];
        int picked = 0;
        IEnumerable<byte[]> inputs = paths.SelectMany(InputsIn).Select(File.ReadAllBytes);
        foreach (byte[] input in inputs.OrderBy(static input => input.Length))
        {
            reached.Clear();
            Coverage.Begin();
            target.Execute(input);
            bool isNew = false;
            for (int i = 0; i < reached.Length; i++)
            {
                isNew |= reached[i] != 0 && !known[i];
                known[i] |= reached[i] != 0;
            }

            if (isNew)
            {
                picked++;
                string name = Convert.ToHexStringLower(SHA256.HashData(input))[..16];
                File.WriteAllBytes(Path.Combine(destination, name), input);
            }
        }

        Console.WriteLine($"{picked} inputs picked");
        return 0;
    }

    /// <summary>A file, or the files in a folder and those below it.</summary>
    public static IEnumerable<string> InputsIn(string path) => Directory.Exists(path)
        ? Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
        : [path];
}
