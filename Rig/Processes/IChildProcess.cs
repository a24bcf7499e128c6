namespace EpfTest.Rig.Processes;

/// <summary>A program that this one has started.</summary>
internal interface IChildProcess
{
    string Name { get; }

    int Id { get; }

    /// <summary>The exit status, once it has ended; 128 and more after a signal.</summary>
    Task<int> Ended { get; }

    /// <summary>What it has printed, once it has ended (<see cref="ProcessSpec.IsRead"/>).</summary>
    Task<string> Output { get; }

    /// <summary>Asks it and all that it has started to end.</summary>
    void Terminate();

    /// <summary>Ends it and all that it has started at once.</summary>
    void Kill();
}
