namespace EpfTest.Rig.Toolchain;

/// <summary>Where the files of this repository are: this program runs from its own build in it.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

    /// <summary>A file or folder of the repository.</summary>
    public static string File(params ReadOnlySpan<string> parts) => Path.Combine([Root, .. parts]);

    /// <summary>EpcDevice or EpfBridge, of the same build as this program.</summary>
    public static string Program(string name)
    {
        // .../Rig/bin/Release/net10.0/
        string[] build = AppContext.BaseDirectory.TrimEnd('/').Split('/')[^3..];
        return File(name, build[0], build[1], build[2], name);
    }

    private static string Find()
    {
        for (string? folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (System.IO.File.Exists(Path.Combine(folder, "EpfTest.sln")))
            {
                return folder;
            }
        }

        throw new InvalidOperationException($"{AppContext.BaseDirectory} is not in a clone of EpfTest");
    }
}
