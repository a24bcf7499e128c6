using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.Protocol.Link;

/// <summary>
/// The completions that the receiving thread has laid out, which go out together before it waits for more requests or
/// sends anything else. For that thread.
/// </summary>
/// <remarks>
/// Other threads' frames may pass them: a completion need not stay before a later posted or non-posted request
/// (section 2.4.1). Those at the end may be held: their <see cref="IReadHolder"/> allows
/// or withdraws them, all at once, before anything else is added or sent.
/// </remarks>
internal sealed class CompletionBatch(FrameSender sender)
{
    private const int Capacity = 128 << 10;
    private const int MaxHeld = 256;

    private readonly byte[] _frames = GC.AllocateUninitializedArray<byte>(Capacity);
    private readonly TlpHeader[] _heldRequests = new TlpHeader[MaxHeld];
    private int _length;
    private int _heldCount;
    private int _heldLength;
    private IReadHolder? _holder;

    public bool IsEmpty => _length == 0;

    /// <summary>Room for a frame of at most <paramref name="size"/> bytes.</summary>
    /// <param name="holder">Who holds its completion, or null.</param>
    public Span<byte> Place(int size, IReadHolder? holder)
    {
        if (holder is null || _holder != holder || _heldCount == MaxHeld)
        {
            Settle();
            _holder = holder;
        }

        if (_length + size > Capacity)
        {
            Send();
        }

        return _frames.AsSpan(_length);
    }

    /// <summary>Adds the frame that was laid out at <see cref="Place"/>.</summary>
    public void Add(int length) => _length += length;

    /// <summary>As <see cref="Add"/>, for a held completion of <paramref name="request"/>.</summary>
    public void Hold(in TlpHeader request, int length)
    {
        _heldRequests[_heldCount++] = request;
        _heldLength += length;
        _length += length;
    }

    /// <summary>Sends the batch.</summary>
    public void Send()
    {
        if (_length == 0)
        {
            return;
        }

        Settle();
        int length = _length;
        _length = 0;
        _ = length > 0 && sender.Send(_frames.AsSpan(0, length), mayWait: false);
    }

    /// <summary>Keeps the held completions if their holder allows it, and withdraws them if not.</summary>
    private void Settle()
    {
        if (_heldCount == 0)
        {
            return;
        }

        IReadHolder holder = _holder!;
        int count = _heldCount;
        int length = _heldLength;
        _heldCount = _heldLength = 0;
        if (holder.MayAnswer())
        {
            return;
        }

        _length -= length;
        for (int i = 0; i < count; i++)
        {
            holder.AnswerLater(_heldRequests[i]);
        }
    }
}
