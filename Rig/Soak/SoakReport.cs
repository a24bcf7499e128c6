using System.Globalization;

namespace EpfTest.Rig.Soak;

/// <summary>What a soak has shown, and what was lost in it.</summary>
internal sealed class SoakReport
{
    private const double GrowthPercent = 5;

    private static readonly (string Name, Func<ProcessSample, long> Value)[] s_uses =
    [
        ("private memory", sample => sample.PrivateMemory),
        ("descriptors", sample => sample.Descriptors),
        ("threads", sample => sample.Threads),
    ];

    private readonly List<string> _lines = [];
    private readonly List<string> _losses = [];

    /// <param name="failure">Why the run ended early, or "".</param>
    /// <param name="isHang">True if a limit ended it.</param>
    public SoakReport(
        SoakProgress progress,
        IReadOnlyList<ProcessSample> samples,
        IEnumerable<string> processes,
        string failure,
        bool isHang)
    {
        AddLosses(progress, failure);
        AddCounts(progress, isHang);
        foreach (string process in processes)
        {
            foreach ((string name, Func<ProcessSample, long> value) in s_uses)
            {
                AddGrowth(
                    $"{process}: {name}",
                    Growth.Percent(
                        samples.Where(sample => sample.Process == process).Select(item => (item.Seconds, value(item))),
                        progress.FaultsBegan ?? 0));
            }
        }
    }

    public IReadOnlyList<string> Lines => _lines;

    /// <summary>What was lost; empty if the soak has passed.</summary>
    public IReadOnlyList<string> Losses => _losses;

    private void AddLosses(SoakProgress progress, string failure)
    {
        string[] failures = [progress.Failure, failure];
        _losses.AddRange(failures.Where(text => text != ""));
        if (progress.CasesFailed > 0)
        {
            _losses.Add($"{progress.CasesFailed} cases of the self-test failed");
        }

        if (progress.FaultsBegan == null)
        {
            _losses.Add("it ended before the faults began");
        }
        else if (progress.FaultsOvercome != progress.FaultsCaused)
        {
            _losses.Add($"only {progress.FaultsOvercome} of {progress.FaultsCaused} faults were overcome");
        }
    }

    private void AddCounts(SoakProgress progress, bool isHang)
    {
        _lines.Add($"cycles:                  {progress.Cycles}; link down and up {progress.LinkDowns} times");
        _lines.Add($"faults overcome:         {progress.FaultsOvercome} of {progress.FaultsCaused}");
        _lines.AddRange(progress.Overcome.Select(fault => $"    {fault.Key}: {fault.Value} times"));
        _lines.Add($"cases of the self-test:  {progress.CasesPassed} passed, {progress.CasesFailed} failed");
        _lines.Add($"bytes checked:           {progress.BytesChecked}; wrong: {progress.BytesWrong}");
        _lines.Add($"interrupts:              {progress.Interrupts} raised; lost: {progress.InterruptsLost}");
        _lines.Add($"hangs:                   {(isHang ? 1 : 0)}");
    }

    private void AddGrowth(string what, double? growth)
    {
        if (growth is not { } percent)
        {
            _losses.Add($"{what} could not be compared");
            return;
        }

        string grew = $"{what} grew by {percent.ToString("0.0", CultureInfo.InvariantCulture)} %";
        _lines.Add(grew);
        if (percent >= GrowthPercent)
        {
            _losses.Add($"{grew}, which is not below {GrowthPercent} %");
        }
    }
}
