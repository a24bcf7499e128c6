using EpfTest.Protocol.Memory;

namespace EpfTest.Unit.Memory;

/// <summary>The map and its search against sorted lists of the base library.</summary>
[TestFixture]
internal sealed class RangeMapTests
{
    private const ulong Slot = 0x1000;

    [Test]
    public void UpperBoundIsThatOfALinearSearch()
    {
        for (int length = 0; length < 200; length++)
        {
            ulong[] sorted = [.. Enumerable.Range(0, length).Select(i => (ulong)i * 3)];
            for (ulong address = 0; address < (ulong)(length * 3) + 2; address++)
            {
                Assert.That(
                    AddressSearch.UpperBound(sorted, address), Is.EqualTo(
                        sorted.Count(candidate => candidate <= address)));
            }
        }

        ulong[] extremes = [0, 1, long.MaxValue, 1ul << 63, ulong.MaxValue];
        Assert.That(
            extremes.Select(address => AddressSearch.UpperBound(extremes, address)), Is.EqualTo(
                Enumerable.Range(1, 5)));
    }

    [Test]
    public void MapDoesWhatASortedListDoes([Values] bool rising)
    {
        var random = TestContext.CurrentContext.Random;
        var expected = new SortedList<ulong, DmaRange>();
        RangeMap map = RangeMap.Empty;
        for (int step = 0; step < 4000; step++)
        {
            ulong slot = rising && step < 2000 ? (ulong)step : (ulong)random.Next(3000);
            ulong address = slot * Slot;
            if (expected.Remove(address, out DmaRange known))
            {
                map = map.Remove(known);
            }
            else
            {
                // Some touch the next one, some leave a gap.
                var range = new DmaRange(address, random.NextBool() ? Slot : Slot / 2, DmaAccess.Read, null, 0);
                expected.Add(address, range);
                map = map.Add(range);
            }

            Assert.That(map.Count, Is.EqualTo(expected.Count));
            ulong wanted = (ulong)random.Next(3000 * (int)Slot);
            int below = AddressSearch.UpperBound([.. expected.Keys], wanted) - 1;
            DmaRange? holder = below >= 0 ? expected.Values[below] : null;
            DmaRange? next = below + 1 < expected.Count ? expected.Values[below + 1] : null;
            Assert.That(map.AtOrBelow(wanted), Is.EqualTo(holder));
            Assert.That(map.Above(wanted), Is.EqualTo(next));
            holder = wanted - holder?.Address < holder?.Size ? holder : null;
            Assert.That(map.Find(wanted), Is.EqualTo(holder));
            DmaRange? first = holder ?? next;
            Assert.That(
                map.FirstIn(wanted, wanted + Slot), Is.EqualTo(first?.Address <= wanted + Slot ? first : null));
        }

        Assert.That(map.ToArray(), Is.EqualTo(expected.Values));
        foreach (DmaRange range in expected.Values)
        {
            map = map.Remove(range);
        }

        Assert.That(map.Count, Is.Zero);
        Assert.That(map.ToArray(), Is.Empty);
    }
}
