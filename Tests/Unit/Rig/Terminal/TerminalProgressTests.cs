using EpfTest.Rig.Terminal;
using Spectre.Console;

namespace EpfTest.Unit.Rig.Terminal;

internal sealed class TerminalProgressTests
{
    [TestCase("  ok    BAR_TEST (BAR0)   0.1 s", "  \e[32mok  \e[0m  BAR_TEST (BAR0)   0.1 s")]
    [TestCase("  FAIL  MSI_TEST   0.1 s", "  \e[91mFAIL\e[0m  MSI_TEST   0.1 s")]
    [TestCase("host | [a message]", "host | [a message]")]
    [TestCase("", "")]
    public void LinesKeepTheirText(string line, string shown)
    {
        using var text = new LockedWriter();
        using (TerminalProgress progress = Start(text))
        {
            progress.Print(line);
        }

        Assert.That(text.ToString(), Does.Contain(shown + "\n"));
    }

    [Test]
    public void WhatIsUnderWayIsShown()
    {
        using var text = new LockedWriter();
        using (TerminalProgress progress = Start(text))
        {
            progress.Step("booting the [EP] guest");
            Kit.Wait.Until(
                () => text.ToString().Contains("booting the [EP] guest, 0 s", StringComparison.Ordinal), "it is shown");
        }
    }

    private static TerminalProgress Start(LockedWriter text)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.Yes,
            ColorSystem = ColorSystemSupport.Standard,
            Interactive = InteractionSupport.Yes,
            Out = new AnsiConsoleOutput(text),
        });
        console.Profile.Width = 200;
        return new TerminalProgress(console, () => TimeSpan.Zero);
    }
}
