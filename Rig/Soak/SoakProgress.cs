using EpfTest.Rig.Results;

namespace EpfTest.Rig.Soak;

/// <summary>Follows what the guests' scripts print in a soak: cycles, cases of the self-test, faults.</summary>
internal sealed class SoakProgress
{
    // What a case of the self-test moves: READ, WRITE and COPY 1 + 1024 + 1025 + 1024000 + 1024001 bytes, once each
    // way; a BAR of pci-epf-test is written and read.
    private const int TransferBytes = 2050051;
    private const int BarBytes = 131072;

    private readonly KtapReader _ktap = new();
    private readonly OrderedDictionary<string, int> _overcome = [];

    /// <summary>The second at which the cycles began, or null before.</summary>
    public int? Began { get; private set; }

    /// <summary>Seconds from then until the faults began, or null before.</summary>
    public int? FaultsBegan { get; private set; }

    public int Cycles { get; private set; }

    public int LinkDowns { get; private set; }

    public int FaultsCaused { get; private set; }

    /// <summary>Faults after which the cases have ended, by name.</summary>
    public IReadOnlyDictionary<string, int> Overcome => _overcome;

    public int FaultsOvercome => _overcome.Values.Sum();

    public int CasesPassed { get; private set; }

    public int CasesFailed { get; private set; }

    public long BytesChecked { get; private set; }

    public long BytesWrong { get; private set; }

    public int Interrupts { get; private set; }

    public int InterruptsLost { get; private set; }

    /// <summary>Why a script has given up, or "".</summary>
    public string Failure { get; private set; } = "";

    /// <summary>What is under way.</summary>
    public string Step { get; private set; } = "the start of the pair";

    /// <summary>Takes a line of a script.</summary>
    /// <param name="second">When it arrived.</param>
    /// <returns>What to tell the user, or null.</returns>
    public string? Take(int second, string line)
    {
        if (line.StartsWith("soak: ", StringComparison.Ordinal))
        {
            TakeStep(second, line["soak: ".Length..]);
            return null;
        }

        CaseResult? ended = _ktap.Read(TimeSpan.FromSeconds(second), line);
        if (ended == null)
        {
            return null;
        }

        Step = $"what follows '{ended.Name}'";
        if (ended.Status == CaseStatus.Skipped)
        {
            return $"skipped: {ended.Name}: {ended.Reason}";
        }

        Count(ended);
        return ended.Status == CaseStatus.Failed ? $"failed in cycle {Cycles}: {ended.Name}" : null;
    }

    private void TakeStep(int second, string step)
    {
        Step = step;
        string[] parts = step.Split(": ", 2);
        switch (parts[0])
        {
            case "begin":
                Began = second;
                break;
            case "link down and up":
                LinkDowns++;
                break;
            case "faults":
                FaultsBegan = second - Began;
                break;
            case "overcome" when parts.Length > 1:
                _overcome[parts[1]] = _overcome.GetValueOrDefault(parts[1]) + 1;
                break;
            case "failed" when parts.Length > 1:
                Failure = parts[1];
                break;
            case ['c', 'y', 'c', 'l', 'e', ' ', .. var cycle]:
                Cycles = int.Parse(cycle);
                break;
            case ['f', 'a', 'u', 'l', 't', ' ', ..]:
                FaultsCaused++;
                break;
        }
    }

    // The kernel does not report which byte or interrupt was wrong: all of the case's count.
    private void Count(CaseResult ended)
    {
        (int bytes, int interrupts) = ended.Name.Split('.')[^1] switch
        {
            "READ_TEST" or "WRITE_TEST" or "COPY_TEST" => (TransferBytes, 5),
            "BAR_TEST" => (BarBytes, 0),
            "LEGACY_IRQ_TEST" => (0, 1),
            "MSI_TEST" => (0, 32),
            _ => (0, 0),
        };
        Interrupts += interrupts;
        if (ended.Status == CaseStatus.Failed)
        {
            CasesFailed++;
            BytesWrong += bytes;
            InterruptsLost += bytes == 0 ? interrupts : 0;
        }
        else
        {
            CasesPassed++;
            BytesChecked += bytes;
        }
    }
}
