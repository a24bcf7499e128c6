using EpfTest.EpcDevice.Functions;
using EpfTest.EpcDevice.Link;
using EpfTest.Protocol.Hosting;
using Microsoft.Extensions.Logging;

namespace EpfTest.EpcDevice.Outbound;

/// <summary>
/// The outbound address translation unit: translations, and two windows that use them. Accesses to BAR2 trap and are
/// carried out here; those to the mapped window do not, except for the DMA engine's.
/// </summary>
internal sealed class OutboundUnit : IDisposable
{
    private readonly Reconciler _reconciler;

    /// <summary>A unit without translations.</summary>
    /// <param name="windowSize">Bytes of the mapped window; 0 for none.</param>
    /// <param name="link">State of the link.</param>
    /// <param name="host">The host.</param>
    /// <param name="functions">The functions by number.</param>
    /// <param name="windowChanged">Called, with no lock held, when a result or the window's status has changed.</param>
    /// <param name="logger">The log.</param>
    public OutboundUnit(
        ulong windowSize,
        LinkTraining link,
        IHostLink host,
        FunctionRequester[] functions,
        Action windowChanged,
        ILogger logger)
    {
        var log = new BurstLog(logger);
        Trapped = new OutboundTranslations(log);
        Mapped = new OutboundTranslations(log);
        _reconciler = new Reconciler(windowChanged);
        var table = new OutboundTable(Trapped, Mapped, _reconciler, host);
        Window = new OutboundWindow(Trapped, host);
        MappedWindow = new MappedWindow(windowSize, link, host, table, _reconciler, logger);
        Registers = new OutboundRegisters(table, MappedWindow, functions, windowChanged);
    }

    /// <summary>The translations of BAR2.</summary>
    public OutboundTranslations Trapped { get; }

    /// <summary>The translations of the mapped window.</summary>
    public OutboundTranslations Mapped { get; }

    public OutboundRegisters Registers { get; }

    /// <summary>BAR2.</summary>
    public OutboundWindow Window { get; }

    public MappedWindow MappedWindow { get; }

    /// <summary>
    /// While the EP guest takes the link down, by an access that holds its QEMU up, nobody is kept waiting for that
    /// QEMU. A driver disables the window before; otherwise its mappings go after <see cref="ResumeWaiting"/>.
    /// </summary>
    public void SuspendWaiting() => _reconciler.SuspendWaiting();

    /// <summary>Ends <see cref="SuspendWaiting"/>, and reconciles.</summary>
    public void ResumeWaiting()
    {
        _reconciler.ResumeWaiting();
        MappedWindow.Reconcile();
    }

    /// <summary>Clears every register and translation, and disables the mapped window.</summary>
    public void Reset()
    {
        Registers.Reset();
        MappedWindow.Enabled = false;
    }

    /// <summary>Ends the mapped window's thread.</summary>
    public void Dispose() => MappedWindow.Dispose();
}
