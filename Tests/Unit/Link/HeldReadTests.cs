using EpfTest.Kit;
using EpfTest.Kit.Link;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.Unit.Link;

/// <summary>
/// Completions that are held back until their holder allows all of them at once, and data that is put in place.
/// </summary>
internal sealed class HeldReadTests : RawLinkFixture
{
    private static readonly Bdf s_completer = new(0, 0, 0);

    [Test]
    public void HeldCompletionsGoOutTogetherOnceTheyMay()
    {
        var holder = new Holder { Allows = true };
        Answer(holder);
        SendReads(3);
        for (byte tag = 0; tag < 3; tag++)
        {
            ExpectCompletion(tag, tag);
        }

        Assert.That(holder.Asked, Is.InRange(1, 3));
        Assert.That(holder.Later, Is.Empty);
    }

    [Test]
    public void HeldCompletionsAreDroppedWhereTheyMayNotPass()
    {
        var holder = new Holder();
        Answer(holder);
        SendReads(3);
        Wait.Until(() => holder.Later.Count == 3, "all are to be answered later");
        Assert.That(holder.Later, Is.EqualTo(Enumerable.Range(0, 3)));
        holder.Allows = true;
        Peer.Send(Read(7));
        ExpectCompletion(7, 7);
    }

    [Test]
    public void WhatIsNotHeldStaysWhereHeldIsDropped()
    {
        var holder = new Holder();
        Handler.OnTlp = (function, header, _) =>
        {
            if (header.Tag == 1)
            {
                Hold(function, header, holder);
            }
            else
            {
                Link.Connection.Completions.Send(
                    function, header, s_completer, CompletionStatus.UnsupportedRequest);
            }
        };
        SendReads(3);
        Assert.That(Peer.Receive().Dw(2) >> 8 & 0xff, Is.Zero);
        Assert.That(Peer.Receive().Dw(2) >> 8 & 0xff, Is.EqualTo(2));
        Assert.That(holder.Later, Is.EqualTo(Enumerable.Repeat(1, 1)));
    }

    [Test]
    public void DataIsPutWhereItBelongsAsItComes()
    {
        var target = new Target();
        int length = 1022;
        PendingRead read = Link.Connection.Requester.BeginRead(
            FunctionId.FromNumber(5), new Bdf(1, 0, 0), 0x1001, ref length, target, 512);
        Assert.That(length, Is.EqualTo(1022));
        RawFrame[] requests = [Peer.Receive(), Peer.Receive()];
        Complete(requests[1], 511);
        Wait.Until(() => target.Puts.Count == 1, "the second half is there");
        Assert.That(target.Puts[0], Is.EqualTo((511, 511)));
        Complete(requests[0], 511);
        Assert.That(read.Await(), Is.EqualTo(RequestStatus.Success));
        Assert.That(target.Puts, Has.Count.EqualTo(2));
        Assert.That(target.Puts[1], Is.EqualTo((0, 511)));
    }

    [Test]
    public void NoMoreIsReadAtOnceThanHalfOfTheTagsAskFor()
    {
        int length = 1 << 20;
        PendingRead read =
            Link.Connection.Requester.BeginRead(
                FunctionId.FromNumber(5), new Bdf(1, 0, 0), 0x1000, ref length, new Target(), 128);
        Assert.That(length, Is.EqualTo(128 * 128));
        Peer.Dispose();
        Assert.That(read.Await(), Is.EqualTo(RequestStatus.LinkDown));
    }

    private void Answer(Holder holder) => Handler.OnTlp = (function, header, _) => Hold(function, header, holder);

    private void Hold(FunctionId function, in TlpHeader header, Holder holder)
    {
        Span<byte> data = Link.Connection.Completions.PlaceData(
            function, header, s_completer, TlpLimits.MinPayload, holder, out int length);
        Assert.That(data.Length, Is.EqualTo(8));
        data.Fill((byte)header.Tag);
        Link.Connection.Completions.Hold(header, length);
    }

    private void SendReads(byte count) => Peer.Send([.. Enumerable.Range(0, count).SelectMany(tag => Read((byte)tag))]);

    private static byte[] Read(byte tag) => RawFrame.TlpOf(5, [0x0000_0002, 0x0100_00ff | (uint)tag << 8, 0x1000]);

    private void ExpectCompletion(byte tag, byte value)
    {
        RawFrame completion = Peer.Receive();
        Assert.That(completion.Dw(0), Is.EqualTo(0x4a00_0002), "CplD of 2 DW");
        Assert.That(completion.Dw(2) >> 8 & 0xff, Is.EqualTo(tag));
        Assert.That(completion.Payload[12..], Is.EqualTo(Enumerable.Repeat(value, 8)));
    }

    /// <summary>All of a request of 512 bytes at the most, that begins or ends within a DW.</summary>
    private void Complete(RawFrame request, int length) => Peer.Send(RawFrame.TlpOf(
        5,
        [
            0x4a00_0080,
            (uint)length,
            0x0100_0000 | (request.Dw(1) & 0xff00) | (request.Dw(2) & 0x7f) | FirstByte(request),
        ],
        new byte[512]));

    private static uint FirstByte(RawFrame request) =>
        (uint)System.Numerics.BitOperations.TrailingZeroCount(request.Dw(1) & 0xf);

    private sealed class Holder : IReadHolder
    {
        public volatile bool Allows;

        public int Asked { get; private set; }

        public List<int> Later { get; } = [];

        public bool MayAnswer()
        {
            Asked++;
            return Allows;
        }

        public void AnswerLater(in TlpHeader request) => Later.Add(request.Tag);
    }

    private sealed class Target : IReadTarget
    {
        public List<(int Offset, int Length)> Puts { get; } = [];

        public void Put(int offset, ReadOnlySpan<byte> data) => Puts.Add((offset, data.Length));
    }
}
