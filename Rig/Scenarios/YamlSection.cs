using EpfTest.Rig.Options;
using YamlDotNet.RepresentationModel;

namespace EpfTest.Rig.Scenarios;

/// <summary>
/// A mapping of a YAML file. A key that is not known, and a value of another kind, is an error with its line.
/// </summary>
internal sealed class YamlSection
{
    private readonly string _file;
    private readonly YamlMappingNode _node;

    /// <exception cref="UsageException">A key is unknown.</exception>
    public YamlSection(string file, YamlNode node, string what, params IEnumerable<string> known)
    {
        _file = file;
        _node = node as YamlMappingNode ?? throw Invalid(node, $"{what} has to be a mapping of keys to values");
        if (known.Any())
        {
            foreach (string key in Keys.Where(key => !known.Contains(key)))
            {
                throw Invalid(
                    KeyNode(key), $"'{key}' is unknown in {what}; known are: {string.Join(", ", known.Order())}");
            }
        }
    }

    public IEnumerable<string> Keys => _node.Children.Keys.Select(TextOf);

    public bool Has(string key) => Keys.Contains(key);

    /// <summary>The section below <paramref name="key"/>, empty if there is none or nothing in it.</summary>
    public YamlSection Section(string key, string what, params IEnumerable<string> known) =>
        new(
            _file,
            Node(key) is { } node and not YamlScalarNode { Value: "" } ? node : new YamlMappingNode(),
            what,
            known);

    /// <summary>The sections of a list; empty if there is none.</summary>
    public IEnumerable<YamlSection> Sections(string key, string what, params IEnumerable<string> known) =>
        Items(key).Select(item => new YamlSection(_file, item, what, known));

    public string? Text(string key) => Node(key) is { } node ? TextOf(node) : null;

    public string Required(string key, string what) => Text(key) is { Length: > 0 } text
        ? text
        : throw Invalid(KeyNode(key), $"{what} needs '{key}'");

    /// <summary>A list of texts, or one text, which is then its only item.</summary>
    public IReadOnlyList<string> Texts(string key) => [.. Items(key).Select(TextOf)];

    /// <summary>An error at the line of <paramref name="key"/>.</summary>
    public UsageException Invalid(string key, string message) => Invalid(KeyNode(key), message);

    private YamlNode? Node(string key) => _node.Children.FirstOrDefault(child => TextOf(child.Key) == key).Value;

    private YamlNode KeyNode(string key) => _node.Children.Keys.FirstOrDefault(node => TextOf(node) == key) ?? _node;

    private IEnumerable<YamlNode> Items(string key) => Node(key) switch
    {
        null => [],
        YamlSequenceNode list => list.Children,
        YamlNode item => [item],
    };

    private string TextOf(YamlNode node) => node is YamlScalarNode { Value: { } text }
        ? text
        : throw Invalid(node, "a text or a number belongs here");

    private UsageException Invalid(YamlNode node, string message) => new($"{_file}:{node.Start.Line}: {message}");
}
