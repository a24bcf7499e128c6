namespace EpfTest.Kit;

/// <summary>A thread that repeats an action while a test changes what the action uses.</summary>
internal sealed class StressLoop : IDisposable
{
    private readonly Thread _thread;
    private Exception? _failure;
    private int _rounds;
    private volatile bool _stop;

    public StressLoop(Action<int> round)
    {
        _thread = new Thread(() =>
        {
            try
            {
                while (!_stop)
                {
                    round(_rounds);
                    Interlocked.Increment(ref _rounds);
                }
            }
#pragma warning disable CA1031 // The test's own thread reports it.
            catch (Exception error)
#pragma warning restore CA1031
            {
                _failure = error;
            }
        })
        { IsBackground = true };
        _thread.Start();
    }

    /// <summary>Waits for rounds that begin from now on.</summary>
    public void WaitForMore(int rounds = 3)
    {
        int goal = Volatile.Read(ref _rounds) + rounds;
        Wait.Until(() => Volatile.Read(ref _rounds) >= goal || _failure is not null, "the loop runs");
        Assert.That(_failure, Is.Null);
    }

    public void Dispose()
    {
        _stop = true;
        _thread.Join();
    }
}
