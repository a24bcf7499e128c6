using EpfTest.Kit;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.Unit.Link;

/// <summary>Requests that wait for a QEMU, apart from the thread that receives them.</summary>
[TestFixture]
internal sealed class SlowPathTests
{
    private static readonly Bdf s_requester = new(1, 0, 0);

    private readonly List<(ulong Address, byte First)> _done = [];
    private SemaphoreSlim _qemu = null!;
    private SlowPath _slowPath = null!;

    [SetUp]
    public void MakeSlowPath()
    {
        _done.Clear();
        _qemu = new SemaphoreSlim(0);
        _slowPath = new SlowPath((in TlpHeader header, ReadOnlySpan<byte> payload) =>
        {
            Assert.That(_qemu.Wait(Wait.Limit), Is.True);
            lock (_done)
            {
                _done.Add((header.Address, payload.IsEmpty ? (byte)0 : payload[0]));
            }
        });
    }

    [TearDown]
    public void EndSlowPath()
    {
        _qemu.Release(1000);
        Wait.Until(() => _slowPath.IsEmpty, "nobody waits for the QEMU any more");
        _slowPath.Dispose();
        _qemu.Dispose();
    }

    [Test]
    public void RequestsAreCarriedOutInTheirOrderWithTheirData()
    {
        Assert.That(_slowPath.IsEmpty, Is.True);
        for (int i = 0; i < 100; i++)
        {
            Add(i);
        }

        Assert.That(_slowPath.IsEmpty, Is.False);
        _qemu.Release(100);
        Wait.Until(() => _slowPath.IsEmpty, "all are carried out");
        Assert.That(_done, Is.EqualTo(Enumerable.Range(0, 100).Select(i => ((ulong)i * 4, (byte)i))));
    }

    [Test]
    public void SlowPathIsNotEmptyUntilTheLastOneIsDone()
    {
        Add(1);
        Add(2);
        _qemu.Release();
        Wait.Until(
            () =>
            {
                lock (_done)
                {
                    return _done.Count == 1;
                }
            },
            "the first is done");
        Assert.That(_slowPath.IsEmpty, Is.False);
        _qemu.Release();
        Wait.Until(() => _slowPath.IsEmpty, "the second is done, too");
    }

    [Test]
    public void WhatWaitsCanBeForgotten()
    {
        Add(0);
        _qemu.Release();
        Wait.Until(() => _slowPath.IsEmpty, "the thread has begun");
        for (int i = 1; i <= 10; i++)
        {
            Add(i);
        }

        var refused = new List<ulong>();
        _slowPath.Cancel((in TlpHeader header, ReadOnlySpan<byte> _) => refused.Add(header.Address));
        _qemu.Release(10);
        Wait.Until(() => _slowPath.IsEmpty, "the one that was begun, if any, goes on");
        Assert.That(
            _done.Select(done => done.Address).Concat(refused),
            Is.EqualTo(Enumerable.Range(0, 11).Select(i => (ulong)i * 4)));
        Assert.That(refused, Has.Count.GreaterThanOrEqualTo(9));
    }

    [Test]
    public void MoreThanThereIsRoomForIsNotTaken()
    {
        TlpHeader header = TlpHeader.MemoryRead(0, 4, s_requester, 0);
        int added = 0;
        while (added <= SlowPath.Capacity + 1 && _slowPath.TryAdd(header, []))
        {
            added++;
        }

        Assert.That(added, Is.InRange(SlowPath.Capacity, SlowPath.Capacity + 1), "one may have been begun");
        _slowPath.Cancel((in TlpHeader _, ReadOnlySpan<byte> _) => { });
    }

    private void Add(int number) =>
        Assert.That(
            _slowPath.TryAdd(TlpHeader.MemoryWrite((ulong)number * 4, 4, s_requester), [(byte)number, 0, 0, 0]),
            Is.True);
}
