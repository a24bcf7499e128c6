using EpfTest.Fuzz;
using EpfTest.Kit;

namespace EpfTest.Pair.Fuzz;

/// <summary>What fuzzing has come upon does no harm, past findings among it (<c>scripts/fuzz.sh</c>).</summary>
internal sealed class CorpusTests
{
    private static IEnumerable<string> Targets => FuzzTarget.All.Keys;

    [TestCaseSource(nameof(Targets))]
    public void NoInputOfTheCorpusIsAFinding(string name)
    {
        string[] inputs = Directory.GetFiles(Path.Combine(Repository.Root, "Fuzz", "corpus", name));
        Assert.That(inputs, Is.Not.Empty);
        int before = OpenDescriptors.Count();
        using (FuzzTarget target = FuzzTarget.All[name]())
        {
            // The tests' other threads open some, too.
            target.OwnsDescriptors = false;
            Assert.Multiple(() =>
            {
                foreach (string input in inputs)
                {
                    Assert.That(() => target.Execute(File.ReadAllBytes(input)), Throws.Nothing, input);
                }
            });
        }

        OpenDescriptors.WaitUntilBackTo(before);
    }
}
