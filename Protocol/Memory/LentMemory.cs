namespace EpfTest.Protocol.Memory;

/// <summary>
/// Bytes of a guest's memory, lent so that they can be copied in place. Until it is disposed, whoever takes the memory
/// away waits; so the borrower must wait for nobody.
/// </summary>
internal readonly ref struct LentMemory
{
    private readonly AccessGate? _gate;
    private readonly int _turn;
    private readonly AccessGate? _outerGate;
    private readonly int _outerTurn;

    /// <summary>Lends bytes.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="gate">What was entered for them.</param>
    /// <param name="turn">What entering gave.</param>
    internal LentMemory(Span<byte> bytes, AccessGate gate, int turn)
    {
        Bytes = bytes;
        _gate = gate;
        _turn = turn;
    }

    private LentMemory(LentMemory inner, AccessGate gate, int turn)
        : this(inner.Bytes, inner._gate!, inner._turn)
    {
        _outerGate = gate;
        _outerTurn = turn;
    }

    /// <summary>The bytes; none where nothing could be lent.</summary>
    public Span<byte> Bytes { get; }

    /// <summary>The same bytes, with another gate to leave after the first.</summary>
    public LentMemory Inside(AccessGate gate, int turn) => new(this, gate, turn);

    /// <summary>Gives the bytes back.</summary>
    public void Dispose()
    {
        _gate?.Leave(_turn);
        _outerGate?.Leave(_outerTurn);
    }
}
