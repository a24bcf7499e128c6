namespace EpfTest.Rig.Processes;

/// <summary>Starts programs; ends all of them when it is disposed.</summary>
internal interface IProcessStarter : IDisposable
{
    /// <exception cref="RunEndedException">It cannot be started.</exception>
    IChildProcess Start(ProcessSpec spec);
}
