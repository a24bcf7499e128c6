using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.Unit.Pcie.Tlp;

[TestFixture]
internal class TagPoolTests
{
    [TestCase(false, 32)]
    [TestCase(true, 256)]
    public void HandsOutEachTagOnceAndThenNone(bool isExtended, int count)
    {
        var pool = new TagPool();
        List<int> tags = [];
        while (pool.TryAllocate(out int tag, isExtended))
        {
            tags.Add(tag);
        }

        Assert.That(tags.Order(), Is.EqualTo(Enumerable.Range(0, count)));
        Assert.That(tags, Has.All.Matches<int>(pool.IsInUse));

        pool.Release(count - 1);
        Assert.That(pool.IsInUse(count - 1), Is.False);
        Assert.That(pool.TryAllocate(out int again, isExtended), Is.True);
        Assert.That(again, Is.EqualTo(count - 1));
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
    public void ReleaseOfATagThatIsNotInUseIsRefused() =>
        Assert.That(() => new TagPool().Release(3), Throws.InvalidOperationException);

    [Test]
    public void TagsOutsideThePoolAreNotInUse()
    {
        var pool = new TagPool();
        Assert.That(pool.IsInUse(256), Is.False);
        Assert.That(pool.IsInUse(-1), Is.False);
        Assert.That(pool.IsInUse(1023), Is.False);
    }

    [Test]
    public void ThreadsNeverShareATag()
    {
        const int Threads = 4;
        const int Rounds = 20_000;
        var pool = new TagPool();
        var owners = new int[32];
        int clashes = 0;
        Parallel.For(0, Threads, new ParallelOptions { MaxDegreeOfParallelism = Threads }, _ =>
        {
            Span<int> held = stackalloc int[12];
            for (int round = 0; round < Rounds; round++)
            {
                int count = 0;
                while (count < held.Length && pool.TryAllocate(out held[count], isExtended: false))
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
