using System.Text.RegularExpressions;
using EpfTest.Kit;

namespace EpfTest.Unit.Architecture;

/// <summary>A C# file of the repository.</summary>
internal sealed partial class SourceFile
{
    private SourceFile(string path)
    {
        Path = path;
        string text = File.ReadAllText(System.IO.Path.Combine(Repository.Root, path));
        Namespace = NamespaceLine().Match(text).Groups[1].Value;
        Usings = [.. UsingLine().Matches(text).Select(match => match.Groups[1].Value)];
    }

    public static IReadOnlyList<SourceFile> All { get; } =
    [
        .. Directory.EnumerateFiles(Repository.Root, "*.cs", SearchOption.AllDirectories)
            .Select(file => System.IO.Path.GetRelativePath(Repository.Root, file))
            .Where(file => !file.Split('/').Any(part => part is "bin" or "obj"))
            .Select(file => new SourceFile(file)),
    ];

    public string Path { get; }

    /// <summary>Where it is; the folder <c>Tests</c> is left out, as it is from namespaces.</summary>
    public string Folder => System.IO.Path.GetDirectoryName(
        Path.StartsWith("Tests/", StringComparison.Ordinal) ? Path["Tests/".Length..] : Path)!;

    public string Namespace { get; }

    public IReadOnlyList<string> Usings { get; }

    public bool IsBelow(string folder) => Path.StartsWith(folder + '/', StringComparison.Ordinal);

    [GeneratedRegex(@"^namespace ([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex NamespaceLine();

    [GeneratedRegex(@"^using ([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex UsingLine();
}
