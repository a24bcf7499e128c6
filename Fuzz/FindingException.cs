namespace EpfTest.Fuzz;

/// <summary>An input has done what none may do.</summary>
internal sealed class FindingException(string message) : Exception(message);
