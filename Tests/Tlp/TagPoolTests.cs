using EpfTest.Protocol.Tlp;

namespace EpfTest.Tests.Tlp;

[TestFixture]
public class TagPoolTests
{
    [TestCase(TagWidth.Bits5, 0, 31)]
    [TestCase(TagWidth.Bits8, 0, 255)]
    [TestCase(TagWidth.Bits10, 256, 1023)]
    public void Hands_out_each_tag_once_and_then_none(TagWidth width, int first, int last)
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
    public void Released_tag_is_not_the_next_one()
    {
        var pool = new TagPool();
        Assert.That(pool.TryAllocate(out int first), Is.True);
        pool.Release(first);
        Assert.That(pool.TryAllocate(out int second), Is.True);
        Assert.That(second, Is.Not.EqualTo(first));
    }

    [Test]
    public void Release_of_what_is_not_in_use_is_refused()
    {
        var pool = new TagPool(TagWidth.Bits5);
        Assert.That(() => pool.Release(3), Throws.InvalidOperationException);
        Assert.That(() => pool.Release(32), Throws.TypeOf<ArgumentOutOfRangeException>());
        Assert.That(() => pool.Release(-1), Throws.TypeOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void Tags_outside_the_pool_are_not_in_use()
    {
        var pool = new TagPool(TagWidth.Bits5);
        Assert.That(pool.IsInUse(32), Is.False);
        Assert.That(pool.IsInUse(-1), Is.False);
        Assert.That(pool.IsInUse(1023), Is.False);
    }

    [Test]
    public void Threads_never_share_a_tag()
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
