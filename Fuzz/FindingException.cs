namespace EpfTest.Fuzz;

/// <summary>A finding: an input broke a rule.</summary>
internal sealed class FindingException(string message) : Exception(message);
