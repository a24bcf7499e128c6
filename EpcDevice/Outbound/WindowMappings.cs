using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.VhostUser;
using Microsoft.Extensions.Logging;

namespace EpfTest.EpcDevice.Outbound;

/// <summary>What the EP guest's QEMU has mapped in the mapped window. Belongs to the reconciler's thread.</summary>
internal sealed class WindowMappings(ILogger logger) : IDisposable
{
    private readonly Dictionary<Mapping, FileDescriptor> _actual = [];
    private WindowSession? _session;
    private volatile int _count;

    /// <summary>Whether QEMU has nothing mapped, nor is asked to. For any thread.</summary>
    public bool IsEmpty => _count == 0;

    /// <summary>Has QEMU map what should be mapped, and nothing else.</summary>
    /// <param name="session">What QEMU is asked by.</param>
    /// <param name="desired">What should be mapped; the descriptors are disposed.</param>
    /// <param name="failed">Takes the entries that could not be mapped.</param>
    /// <returns>False where QEMU does not answer.</returns>
    public bool Reconcile(WindowSession session, List<DesiredMapping> desired, HashSet<int> failed)
    {
        if (session != _session)
        {
            Dispose();
            _session = session;
        }

        bool answered = session.Backend is null || Change(session.Backend, desired, failed);
        desired.ForEach(static part => part.File.Dispose());
        return answered;
    }

    /// <summary>Forgets all mappings; QEMU may keep them.</summary>
    public void Dispose()
    {
        foreach (FileDescriptor file in _actual.Values)
        {
            file.Dispose();
        }

        _actual.Clear();
        _count = 0;
    }

    private bool Change(IWindowBackend backend, List<DesiredMapping> desired, HashSet<int> failed)
    {
        HashSet<Mapping> kept = [.. desired.Select(static part => part.Mapping)];
        Mapping[] gone = [.. _actual.Keys.Where(mapping => !kept.Contains(mapping))];
        DesiredMapping[] added = [.. desired.Where(part => !_actual.ContainsKey(part.Mapping))];
        if (gone.Length + added.Length == 0)
        {
            return true;
        }

        _count = _actual.Count + added.Length;
        bool[] mapped = new bool[added.Length];
        if (!backend.Change(
            Array.ConvertAll(gone, mapping => mapping.In(_actual[mapping])),
            Array.ConvertAll(added, static part => part.Mapping.In(part.File)),
            mapped))
        {
            failed.UnionWith(added.Select(static part => part.Index));
            return false;
        }

        if (logger.IsEnabled(LogLevel.Debug))
        {
            int made = mapped.Count(static isMade => isMade);
            logger.LogDebug("window: {Gone} mappings removed, {Made} added", gone.Length, made);
        }

        foreach (Mapping mapping in gone)
        {
            _actual.Remove(mapping, out FileDescriptor? file);
            file!.Dispose();
        }

        for (int i = 0; i < added.Length; i++)
        {
            (Mapping mapping, FileDescriptor file, int index) = added[i];
            if (mapped[i])
            {
                _actual.Add(mapping, file.Duplicate());
            }
            else
            {
                logger.LogWarning(
                    "QEMU refused to map {Size} bytes at 0x{Offset:x} of the window", mapping.Size, mapping.Offset);
                failed.Add(index);
            }
        }

        _count = _actual.Count;
        return true;
    }

    /// <summary>A part of the window that shows a part of a file.</summary>
    internal readonly record struct Mapping(ulong Offset, ulong Size, FileIdentity Identity, ulong FileOffset)
    {
        public WindowMapping In(FileDescriptor file) => new(Offset, Size, file, FileOffset);
    }

    /// <summary>A part of what entry <paramref name="Index"/> should show.</summary>
    internal readonly record struct DesiredMapping(Mapping Mapping, FileDescriptor File, int Index);
}
