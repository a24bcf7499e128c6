using EpfTest.Rig.Guests;
using EpfTest.Rig.Processes;

namespace EpfTest.Rig.Pairs;

/// <summary>
/// Runs guests and the processes between them: one loop over what happens. During every wait the end of a process or a
/// guest, a time limit or a signal ends the run.
/// </summary>
internal sealed class PairRun : IPairControl
{
    private static readonly TimeSpan s_socketPoll = TimeSpan.FromMilliseconds(50);

    private readonly PairSetup _setup;
    private readonly IPairJudge _judge;
    private readonly EventQueue _events;
    private readonly Watchdog _watchdog;
    private readonly Relay _relay;

    public PairRun(PairSetup setup, IPairJudge judge, EventQueue events)
    {
        (_setup, _judge, _events) = (setup, judge, events);
        _watchdog = new Watchdog(() => events.Now);
        _relay = new Relay(this);
    }

    /// <inheritdoc/>
    public IReadOnlyList<PairGuest> Guests => _setup.Guests;

    /// <summary>Called when something else is under way, with what it is.</summary>
    public Action<string> Step { get; init; } = _ => { };

    /// <summary>Whether a script has had a process or a guest killed.</summary>
    public bool HasKilled => _relay.HasKilled;

    private IEnumerable<PairGuest> EpGuests => Guests.Where(guest => guest.Role == GuestRole.Ep);

    private IEnumerable<PairGuest> Hosts => Guests.Where(guest => guest.Role == GuestRole.Host);

    /// <summary>Runs everything until all guests have ended.</summary>
    /// <returns>The exit code, as the judge has it.</returns>
    /// <exception cref="RunEndedException">The run was cut short.</exception>
    public int Run()
    {
        try
        {
            _watchdog.LimitRun(_setup.Limits.Run);
            StartProcesses();
            Boot();
            Test();
            return _judge.Finish(Guests);
        }
        catch (RunEndedException error)
        {
            _judge.Abandon(_events.Now, error.Message);
            throw;
        }
    }

    /// <summary>Starts the processes of all links.</summary>
    public void StartProcesses()
    {
        foreach (PairLink link in _setup.Links)
        {
            Step($"starting {link.EpcDevice.Name} and {link.EpfBridge.Name}");
            link.EpcDevice.Start();
            _watchdog.WatchFor($"{link.EpcDevice.Name} did not make its socket", _setup.Limits.Process);
            Until(() => File.Exists(link.Sockets.Link));
            link.Relay?.Start();
            link.EpfBridge.Start();
        }
    }

    /// <inheritdoc/>
    public DeviceProcess? ProcessOf(string name) =>
        _setup.Links.SelectMany(link => link.Processes)
            .FirstOrDefault(process => process.Name == name);

    /// <inheritdoc/>
    public void Restart(PairGuest guest)
    {
        guest.Guest.Kill();
        guest.Guest.Start();
    }

    private void Boot()
    {
        if (_setup.HotPlug)
        {
            Step($"booting the {Titles(Hosts)}");
            Start(Hosts);
            _watchdog.WatchFor($"the {Titles(Hosts)} was not up", _setup.Limits.Boot);
            UntilReady(Hosts);
        }

        Step($"booting the {Titles(EpGuests)}");
        Start(EpGuests);
        _watchdog.WatchFor($"the {Titles(EpGuests)} was not ready", _setup.Limits.EpGuest);
        UntilReady(EpGuests);
        if (!_setup.HotPlug)
        {
            _watchdog.WatchFor(
                "the EP guest is ready, but the link did not come up (did it write 1 to the controller's start?)",
                _setup.Limits.Link);
            Until(() => _setup.Links.All(link => File.Exists(link.Sockets.Endpoint)));
            Start(Hosts);
        }
    }

    private void Test()
    {
        Step(_judge.ProgressLimit > TimeSpan.Zero ? $"starting {_judge.Awaited}" : $"{Hosts.First().Script} runs");
        bool isLimited = _judge.ProgressLimit > TimeSpan.Zero;
        _watchdog.WatchFor(
            isLimited ? $"{_judge.Awaited} did not start" : $"{Hosts.First().Script} did not end",
            isLimited ? _setup.Limits.Boot : TimeSpan.Zero);
        while (Hosts.Any(guest => guest.Status is null))
        {
            Handle(Next());
        }

        foreach (PairGuest guest in EpGuests)
        {
            guest.Guest.Tell("host done");
        }

        Step("ending the EP guest");
        _watchdog.WatchFor($"{Hosts.First().Script} ended, but the EP guest did not", _setup.Limits.EpGuest);
        while (EpGuests.Any(guest => guest.Status is null))
        {
            Handle(Next());
        }
    }

    private static void Start(IEnumerable<PairGuest> guests)
    {
        foreach (PairGuest guest in guests)
        {
            guest.Guest.Start();
        }
    }

    private static string Titles(IEnumerable<PairGuest> guests) =>
        string.Join(" or the ", guests.Where(guest => !guest.IsReady).Select(guest => guest.Title));

    /// <summary>Waits for something that makes no event.</summary>
    private void Until(Func<bool> condition)
    {
        while (!condition())
        {
            if (Next(s_socketPoll) is { } happened)
            {
                Handle(happened);
            }
        }
    }

    private void UntilReady(IEnumerable<PairGuest> guests)
    {
        while (guests.Any(guest => !guest.IsReady))
        {
            Handle(Next());
        }
    }

    private RigEvent Next()
    {
        while (true)
        {
            if (Next(TimeSpan.MaxValue) is { } happened)
            {
                return happened;
            }
        }
    }

    private RigEvent? Next(TimeSpan limit)
    {
        _watchdog.Check();
        TimeSpan remaining = _watchdog.Remaining;
        return _events.Next(remaining < limit ? remaining : limit);
    }

    private void Handle(RigEvent happened)
    {
        switch (happened)
        {
            case Interrupted interrupted:
                throw new RunEndedException(interrupted.Status, $"interrupted by {interrupted.By}");
            case ProcessEnded ended:
                throw new RunEndedException(RunEndedException.Failed, $"{ended.Name} ended with status {ended.Status}");
            case GuestLine line:
                Handle(Of(line.Guest), line);
                break;
            case GuestEnded ended:
                Handle(Of(ended.Guest), ended);
                break;
        }
    }

    private void Handle(PairGuest guest, GuestLine line)
    {
        string awaited = _judge.Awaited;
        if (_relay.Take(guest, line.Text))
        {
            return;
        }

        // Again after a reboot.
        if (line.Text == (guest.Role == GuestRole.Ep ? "epftest: ready" : "epftest: up"))
        {
            guest.IsReady = true;
        }
        else if (_judge.Take(guest, line))
        {
            if (awaited != _judge.Awaited)
            {
                Step(_judge.Awaited);
            }

            _watchdog.WatchFor($"{_judge.Awaited} made no progress", _judge.ProgressLimit);
        }
    }

    private void Handle(PairGuest guest, GuestEnded ended)
    {
        // If a process has ended, the guest ended because of it.
        foreach (DeviceProcess process in _setup.Links.SelectMany(link => link.Processes))
        {
            ThrowIfEnded(process);
        }

        int status = GuestEnd.StatusOf(guest.Guest, ended.Status);
        guest.Status = status;
        if (guest.Role == GuestRole.Ep && !guest.IsReady)
        {
            throw new RunEndedException(
                status == 0 ? 1 : status, $"{guest.Script} ended with {status} before it was ready")
            {
                Guest = guest.Name,
            };
        }

        if (guest.Role == GuestRole.Ep && Hosts.Any(host => host.Status is null))
        {
            throw new RunEndedException(
                RunEndedException.Failed, $"the {guest.Title} powered off before {Hosts.First().Script} had ended")
            {
                Guest = guest.Name,
            };
        }

        if (guest.Role == GuestRole.Host && _setup.HotPlug && !guest.IsReady)
        {
            throw new RunEndedException(
                RunEndedException.Failed, $"the {guest.Title} ended with {status} before it was up")
            {
                Guest = guest.Name,
            };
        }

        if (guest.Role == GuestRole.Host && EpGuests.FirstOrDefault(ep => !ep.IsReady) is { } waiting)
        {
            throw new RunEndedException(
                RunEndedException.Failed,
                $"{guest.Script} ended with {status} before the {waiting.Title} was ready")
            {
                Guest = guest.Name,
            };
        }
    }

    private static void ThrowIfEnded(DeviceProcess process)
    {
        if (process.EndedWith is { } status)
        {
            throw new RunEndedException(RunEndedException.Failed, $"{process.Name} ended with status {status}");
        }
    }

    private PairGuest Of(Guest guest) => Guests.First(item => item.Guest == guest);
}
