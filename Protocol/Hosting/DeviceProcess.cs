using System.Runtime.InteropServices;
using CommandLine;
using CommandLine.Text;
using EpfTest.Protocol.Linux;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace EpfTest.Protocol.Hosting;

/// <summary>What all device processes have in common: options, logging, signals and exit codes.</summary>
internal static class DeviceProcess
{
    /// <summary>The exit code for an invalid command line (EX_USAGE of sysexits.h).</summary>
    public const int ExitUsage = 64;

    private const int ExitFailure = 1;
    private const int HelpWidth = 110;
    private static readonly TimeSpan s_trimInterval = TimeSpan.FromSeconds(10);

    /// <summary>Reads the command line, runs the device until SIGTERM or SIGINT, and cleans up.</summary>
    /// <param name="arguments">The command line.</param>
    /// <param name="start">Starts the device and returns what is disposed at the end. A <see cref="UsageException"/> or
    /// <see cref="LinuxException"/> ends the process with its message; so does a call of the third argument, by any
    /// thread.</param>
    /// <returns>The exit code: 0 after a signal, 64 for an invalid command line, 1 if the device could not start or go
    /// on.
    /// </returns>
    public static int Run<TOptions>(
        string[] arguments, Func<TOptions, ILoggerFactory, Action<string>, IDisposable> start)
        where TOptions : DeviceOptions, new()
    {
        using var parser = new Parser(settings =>
        {
            settings.HelpWriter = null;
            settings.CaseInsensitiveEnumValues = true;
        });
        ParserResult<TOptions> result = parser.ParseArguments<TOptions>(arguments);
        return result.MapResult(options => Run(options, start), errors => Explain(result, errors));
    }

    private static int Run<TOptions>(
        TOptions options, Func<TOptions, ILoggerFactory, Action<string>, IDisposable> start)
        where TOptions : DeviceOptions
    {
        NativeHeap.ShareArenas();
        using ILoggerFactory loggers = LoggerFactory.Create(builder => builder
            .SetMinimumLevel(options.LogLevel)
            .AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace)
            .AddSimpleConsole(format =>
            {
                format.SingleLine = true;
                format.ColorBehavior = LoggerColorBehavior.Disabled;
                format.TimestampFormat = "HH:mm:ss.ffffff ";
            }));
        using var ended = new ManualResetEventSlim();
        string? failure = null;
        void Fail(string reason)
        {
            Interlocked.CompareExchange(ref failure, reason, null);
            ended.Set();
        }

        void End(PosixSignalContext context)
        {
            context.Cancel = true;
            ended.Set();
        }

        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
        try
        {
            // An invalid value is to be reported now, not when the first client connects.
            _ = options.Poll;
            using IDisposable device = start(options, loggers, Fail);
            while (!ended.Wait(s_trimInterval))
            {
                NativeHeap.Trim();
            }

            if (failure is null)
            {
                return 0;
            }

            Console.Error.WriteLine($"{Name}: {failure}");
            return ExitFailure;
        }
        catch (UsageException error)
        {
            Console.Error.WriteLine($"{Name}: {error.Message}");
            return ExitUsage;
        }
        catch (LinuxException error)
        {
            Console.Error.WriteLine($"{Name}: {error.Message}");
            return ExitFailure;
        }
    }

    private static int Explain<TOptions>(ParserResult<TOptions> result, IEnumerable<Error> errors)
    {
        bool asked = errors.All(error => error.Tag is ErrorType.HelpRequestedError or ErrorType.VersionRequestedError);
        HelpText text = errors.Any(error => error.Tag == ErrorType.VersionRequestedError)
            ? new HelpText($"{Name} {typeof(TOptions).Assembly.GetName().Version?.ToString(3)}")
            : HelpText.AutoBuild(
                result,
                help =>
                {
                    help.Heading = $"{Name}: see the README for how it is used";
                    help.Copyright = "";
                    help.AdditionalNewLineAfterOption = false;
                    return HelpText.DefaultParsingErrorsHandler(result, help);
                },
                example => example,
                maxDisplayWidth: HelpWidth);
        (asked ? Console.Out : Console.Error).WriteLine(text.ToString().TrimEnd());
        return asked ? 0 : ExitUsage;
    }

    private static string Name => AppDomain.CurrentDomain.FriendlyName;
}
