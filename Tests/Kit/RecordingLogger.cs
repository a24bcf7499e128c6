using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace EpfTest.Kit;

/// <summary>Keeps what is logged, of all categories together.</summary>
internal sealed class RecordingLogger : ILogger, ILoggerFactory
{
    private readonly ConcurrentQueue<string> _lines = new();

    /// <summary>Levels below this are not kept.</summary>
    public LogLevel Level { get; init; } = LogLevel.Debug;

    public IReadOnlyCollection<string> Lines => _lines;

    public int Warnings => _lines.Count(line => line.StartsWith(nameof(LogLevel.Warning), StringComparison.Ordinal));

    public bool Has(string text) => _lines.Any(line => line.Contains(text, StringComparison.Ordinal));

    public void WaitFor(string text) => Wait.Until(() => Has(text), $"'{text}' is logged");

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= Level;

    public void Log<TState>(
        LogLevel logLevel,
        EventId eventId,
        TState state,
        Exception? exception,
        Func<TState, Exception?, string> formatter) =>
        _lines.Enqueue($"{logLevel}: {formatter(state, exception)}");

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public void Dispose()
    {
    }
}
