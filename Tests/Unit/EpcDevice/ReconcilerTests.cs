using EpfTest.EpcDevice.Outbound;
using EpfTest.Kit;

namespace EpfTest.Unit.EpcDevice;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class ReconcilerTests : IDisposable
{
    private readonly SemaphoreSlim _goOn = new(0);
    private readonly List<long> _rounds = [];
    private Reconciler _reconciler = null!;
    private Func<bool?> _result = static () => true;
    private int _changes;
    private int _calls;

    [SetUp]
    public void Start()
    {
        _reconciler = new Reconciler(() => Interlocked.Increment(ref _changes));
        _reconciler.Start(request =>
        {
            lock (_rounds)
            {
                _rounds.Add(request);
            }

            _goOn.Wait();
            return _result();
        });
    }

    public void Dispose()
    {
        _goOn.Release(10);
        _reconciler.Dispose();
        _goOn.Dispose();
    }

    [Test]
    public void CallsBackAfterTheReconciliation()
    {
        _reconciler.Request(Call);
        WaitForRounds(1);
        Assert.That(_calls, Is.Zero);
        Assert.That(_reconciler.IsBusy);
        _goOn.Release();
        WaitUntilIdle();
        Assert.That(_calls, Is.EqualTo(1));
        Assert.That(_changes, Is.EqualTo(1));
    }

    [Test]
    public void ARequestDuringAReconciliationTakesAnother()
    {
        _reconciler.Request(Call);
        WaitForRounds(1);
        long second = _reconciler.Request();
        _reconciler.Request(Call);
        _goOn.Release();
        WaitForRounds(2);
        Wait.Until(() => Volatile.Read(ref _calls) == 1, "the first is called");
        _goOn.Release();
        WaitUntilIdle(changes: 2);
        Assert.That(_calls, Is.EqualTo(2));
        Assert.That(_rounds, Is.EqualTo(new[] { second - 1, second + 1 }), "the second covers two requests");
    }

    [Test]
    public void WithoutAnAnswerNobodyIsTold()
    {
        _result = static () => false;
        _reconciler.Request(Call);
        _goOn.Release();
        WaitUntilIdle();
        Assert.That(_calls, Is.Zero);
        Assert.That(_changes, Is.EqualTo(1));
    }

    [Test]
    public void AnOvertakenReconciliationIsFollowedByAnother()
    {
        _result = () =>
        {
            _result = static () => true;
            _reconciler.Request();
            return null;
        };
        _reconciler.Request(Call);
        _goOn.Release();
        WaitForRounds(2);
        Assert.That(_calls, Is.Zero);
        Assert.That(_changes, Is.Zero);
        _goOn.Release();
        WaitUntilIdle();
        Assert.That(_calls, Is.EqualTo(1));
    }

    [Test]
    public void WhileWaitingIsSuspendedNobodyWaits()
    {
        _reconciler.Request(Call);
        WaitForRounds(1);
        _reconciler.SuspendWaiting();
        Assert.That(_calls, Is.EqualTo(1));
        _reconciler.Request(Call);
        Assert.That(_calls, Is.EqualTo(2));
        _reconciler.ResumeWaiting();
        _reconciler.Request(Call);
        Assert.That(_calls, Is.EqualTo(2));
        _goOn.Release(2);
        WaitUntilIdle(changes: 2);
        Assert.That(_calls, Is.EqualTo(3));
    }

    [Test]
    public void AfterTheEndNobodyWaits()
    {
        _reconciler.Dispose();
        _reconciler.Request(Call);
        Assert.That(_calls, Is.EqualTo(1));
    }

    private void Call() => Interlocked.Increment(ref _calls);

    private void WaitForRounds(int count) => Wait.Until(
        () =>
        {
            lock (_rounds)
            {
                return _rounds.Count == count;
            }
        },
        $"round {count} begins");

    // The callbacks come after IsBusy is clear, and the change after them.
    private void WaitUntilIdle(int changes = 1)
    {
        Wait.Until(() => !_reconciler.IsBusy, "it is idle");
        Wait.Until(() => Volatile.Read(ref _changes) == changes, "changes are told");
    }
}
