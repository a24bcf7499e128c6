namespace EpfTest.Protocol;
internal static class Placeholder;
