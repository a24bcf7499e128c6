namespace EpfTest.Rig.Guests;

/// <summary>The files of qemu-configs/: arguments of QEMU and words of the kernel's command line.</summary>
/// <param name="folder">Where they are.</param>
internal sealed class QemuConfigs(string folder)
{
    private static readonly char[] s_space = [' ', '\t'];

    /// <summary>The words of a file, without its comments.</summary>
    /// <param name="file">Its name.</param>
    /// <param name="values">What replaces @NAME@ in it.</param>
    public IReadOnlyList<string> Words(string file, params ReadOnlySpan<(string Name, string Value)> values)
    {
        string[] words =
        [
            .. File.ReadLines(Path.Combine(folder, file)).Where(line => !line.StartsWith('#'))
                .SelectMany(line => line.Split(s_space, StringSplitOptions.RemoveEmptyEntries)),
        ];
        foreach ((string name, string value) in values)
        {
            for (int i = 0; i < words.Length; i++)
            {
                words[i] = words[i].Replace($"@{name}@", value, StringComparison.Ordinal);
            }
        }

        return words;
    }
}
