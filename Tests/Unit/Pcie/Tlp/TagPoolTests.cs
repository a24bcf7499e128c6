using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.Unit.Pcie.Tlp;

[TestFixture]
internal class TagPoolTests
{
    [TestCase(TagWidth.Bits5, 0, 31)]
    [TestCase(TagWidth.Bits8, 0, 255)]
    [TestCase(TagWidth.Bits10, 256, 1023)]
    public void HandsOutEachTagOnceAndThenNone(TagWidth width, int first, int last)
    {
        var pool = new TagPool(width);
        List<int> tags = [];
        while (pool.TryAllocate(out int tag))
        {
            tags.Add(tag);
        }

        Assert.That(tags.Order(), Is.EqualTo(Enumerable.Range(first, last - first + 1)));
        Assert.That(tags, Has.Count.EqualTo(pool.Capacity));
        Assert.That(tags, Has.All.Matches<int>(pool.IsInUse));

        pool.Release(last);
        Assert.That(pool.IsInUse(last), Is.False);
        Assert.That(pool.TryAllocate(out int again), Is.True);
        Assert.That(again, Is.EqualTo(last));
    }

    [Test]
    public void ReleasedTagIsNotTheNextOne()
    {
        var pool = new TagPool();
        Assert.That(pool.TryAllocate(out int first), Is.True);
        pool.Release(first);
        Assert.That(pool.TryAllocate(out int second), Is.True);
        Assert.That(second, Is.Not.EqualTo(first));
    }

    [Test]
    public void ReleaseOfWhatIsNotInUseIsRefused()
    {
        var pool = new TagPool(TagWidth.Bits5);
        Assert.That(() => pool.Release(3), Throws.InvalidOperationException);
        Assert.That(() => pool.Release(32), Throws.TypeOf<ArgumentOutOfRangeException>());
        Assert.That(() => pool.Release(-1), Throws.TypeOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void TagsOutsideThePoolAreNotInUse()
    {
        var pool = new TagPool(TagWidth.Bits5);
        Assert.That(pool.IsInUse(32), Is.False);
        Assert.That(pool.IsInUse(-1), Is.False);
        Assert.That(pool.IsInUse(1023), Is.False);
    }

    [Test]
    public void ThreadsNeverShareATag()
    {
        const int Threads = 4;
        const int Rounds = 20_000;
        var pool = new TagPool(TagWidth.Bits5);
        var owners = new int[32];
        int clashes = 0;
        Parallel.For(0, Threads, new ParallelOptions { MaxDegreeOfParallelism = Threads }, _ =>
        {
            Span<int> held = stackalloc int[12];
            for (int round = 0; round < Rounds; round++)
            {
                int count = 0;
                while (count < held.Length && pool.TryAllocate(out held[count]))
                {
                    clashes += Interlocked.Increment(ref owners[held[count++]]) == 1 ? 0 : 1;
                }

                while (count > 0)
                {
                    Interlocked.Decrement(ref owners[held[--count]]);
                    pool.Release(held[count]);
                }
            }
        });
        Assert.That(clashes, Is.Zero);
        Assert.That(Enumerable.Range(0, 32).Where(pool.IsInUse), Is.Empty);
    }
}
