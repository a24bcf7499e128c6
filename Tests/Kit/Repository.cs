namespace EpfTest.Kit;

/// <summary>The checkout that the tests were built from.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

    private static string Find()
    {
        for (string? folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "EpfTest.sln")))
            {
                return folder;
            }
        }

        throw new InvalidOperationException($"no EpfTest.sln above {AppContext.BaseDirectory}");
    }
}
