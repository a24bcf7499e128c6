namespace EpfTest.Protocol.Memory;

/// <summary>
/// Guest memory that is leased for copying in place. Unmapping it waits until the lease is disposed, so the holder of a
/// lease must not wait for anything.
/// </summary>
internal readonly ref struct MemoryLease
{
    private readonly AccessGate? _gate;
    private readonly int _turn;
    private readonly AccessGate? _outerGate;
    private readonly int _outerTurn;

    /// <summary>A lease that leaves <paramref name="gate"/> when it is disposed.</summary>
    internal MemoryLease(Span<byte> bytes, AccessGate gate, int turn)
    {
        Bytes = bytes;
        _gate = gate;
        _turn = turn;
    }

    private MemoryLease(MemoryLease inner, AccessGate gate, int turn)
        : this(inner.Bytes, inner._gate!, inner._turn)
    {
        _outerGate = gate;
        _outerTurn = turn;
    }

    /// <summary>The bytes; empty if the memory cannot be leased.</summary>
    public Span<byte> Bytes { get; }

    /// <summary>The same lease, which also leaves <paramref name="gate"/>, after its own.</summary>
    public MemoryLease Inside(AccessGate gate, int turn) => new(this, gate, turn);

    /// <summary>Ends the lease.</summary>
    public void Dispose()
    {
        _gate?.Leave(_turn);
        _outerGate?.Leave(_outerTurn);
    }
}
