namespace EpfTest.Unit.Architecture;

internal sealed class NamespaceTests
{
    [Test]
    public void NamespaceIsTheFolder() => Assert.That(
        SourceFile.All
            .Where(file => file.Namespace != "" && file.Namespace != "EpfTest." + file.Folder.Replace('/', '.'))
            .Select(file => file.Path),
        Is.Empty);
}
