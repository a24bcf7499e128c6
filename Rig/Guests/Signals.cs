using System.Runtime.InteropServices;

namespace EpfTest.Rig.Guests;

/// <summary>Makes an event of each signal that wants us to end.</summary>
internal sealed class Signals : IDisposable
{
    private readonly List<PosixSignalRegistration> _registrations = [];

    public Signals(EventQueue events)
    {
        Add(PosixSignal.SIGINT, new Interrupted("Ctrl-C", 130));
        Add(PosixSignal.SIGTERM, new Interrupted("SIGTERM", 143));
        Add(PosixSignal.SIGHUP, new Interrupted("SIGHUP", 129));

        void Add(PosixSignal signal, Interrupted happened) =>
            _registrations.Add(PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = true;
                events.Post(happened);
            }));
    }

    /// <inheritdoc/>
    public void Dispose() => _registrations.ForEach(registration => registration.Dispose());
}
