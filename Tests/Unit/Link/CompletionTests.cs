using EpfTest.Kit;
using EpfTest.Kit.Link;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.Unit.Link;

/// <summary>Completions laid out by hand: what counts, what is ignored, and what ends the link.</summary>
internal sealed class CompletionTests : RawLinkFixture
{
    private static readonly Bdf s_requester = new(1, 0, 0);

    // Completions of a read of 8 bytes from 0x1000: what to change in the right one's three DWs.
    private static IEnumerable<TestCaseData> Mismatches =>
    [
        new TestCaseData(0u, uint.MaxValue, 0u).SetArgDisplayNames("byte count"),
        new TestCaseData(0u, 0u, 0x0000_0004u).SetArgDisplayNames("lower address"),
        new TestCaseData(0u, 0u, 0x0001_0000u).SetArgDisplayNames("requester"),
        new TestCaseData(0x0010_0000u, 0u, 0u).SetArgDisplayNames("traffic class"),
    ];

    [Test]
    public void RequestIsLaidOutAsTheSpecificationSays()
    {
        Task<RequestStatus> read = Read(new byte[8]);
        RawFrame request = Peer.Receive();
        Assert.That(
            (request.Kind, request.Function, request.Payload.Length),
            Is.EqualTo((RawFrame.Tlp, (ushort)5, 12)));
        Assert.That(request.Dw(0), Is.EqualTo(0x0000_0002u), "MRd of 2 DW");
        Assert.That(request.Dw(1) & 0xffff_00ff, Is.EqualTo(0x0100_00ffu), "requester and byte enables");
        Assert.That(request.Dw(2), Is.EqualTo(0x1000u));
        Complete(request, [1, 2, 3, 4, 5, 6, 7, 8]);
        Assert.That(Wait.For(read), Is.EqualTo(RequestStatus.Success));
    }

    [Test]
    public void CompletionForAnUnknownTagIsIgnored()
    {
        byte[] data = new byte[8];
        Task<RequestStatus> read = Read(data);
        RawFrame request = Peer.Receive();
        uint other = ((request.Dw(1) >> 8) + 100) & 0xff;
        Peer.Send(RawFrame.TlpOf(0, [0x4a00_0002, 0x0000_0008, 0x0100_0000 | other << 8], new byte[8]));
        Peer.Send(RawFrame.TlpOf(0, [0x4a80_0002, 0x0000_0008, 0x0100_0000], new byte[8]));
        Complete(request, [1, 2, 3, 4, 5, 6, 7, 8]);
        Assert.That(Wait.For(read), Is.EqualTo(RequestStatus.Success));
        Assert.That(data, Is.EqualTo(new byte[] { 1, 2, 3, 4, 5, 6, 7, 8 }));
        Assert.That(
            Logger.Lines.Count(line => line.Contains("no such request is outstanding", StringComparison.Ordinal)),
            Is.EqualTo(2));
    }

    [TestCaseSource(nameof(Mismatches))]
    public void CompletionThatDoesNotMatchEndsTheLink(uint dw0, uint dw1, uint dw2)
    {
        Task<RequestStatus> read = Read(new byte[8]);
        RawFrame request = Peer.Receive();
        uint tag = request.Dw(1) >> 8 & 0xff;
        Peer.Send(RawFrame.TlpOf(
            5, [0x4a00_0002 ^ dw0, 0x0000_0008 + dw1, (0x0100_0000 | tag << 8) ^ dw2], new byte[8]));
        Assert.That(Peer.Receive(RawFrame.Refuse).Text, Does.Contain("does not match its request"));
        Assert.That(Wait.For(read), Is.EqualTo(RequestStatus.LinkDown));
        Link.ExpectEnd();
    }

    [Test]
    public void PoisonedDataIsAnErrorAndNotUsed()
    {
        byte[] data = new byte[8];
        Task<RequestStatus> read = Read(data);
        RawFrame request = Peer.Receive();
        uint tag = request.Dw(1) >> 8 & 0xff;
        Peer.Send(RawFrame.TlpOf(5, [0x4a00_4002, 0x0000_0008, 0x0100_0000 | tag << 8], [1, 2, 3, 4, 5, 6, 7, 8]));
        Assert.That(Wait.For(read), Is.EqualTo(RequestStatus.Poisoned));
        Assert.That(data, Is.All.Zero);
    }

    [Test]
    public void RequestsMayBeCompletedInAnyOrder()
    {
        byte[] data = new byte[8 * 512];
        Task<RequestStatus> read = Read(data);
        RawFrame[] requests = [.. Enumerable.Range(0, 8).Select(_ => Peer.Receive())];
        foreach (RawFrame request in requests.Reverse())
        {
            byte number = (byte)((request.Dw(2) - 0x1000) / 512);
            uint tag = request.Dw(1) >> 8 & 0xff;
            for (uint half = 0; half < 2; half++)
            {
                Peer.Send(RawFrame.TlpOf(
                    5,
                    [0x4a00_0040, 512 - (half * 256), 0x0100_0000 | tag << 8],
                    Enumerable.Repeat((byte)(number + 1), 256).ToArray()));
            }
        }

        Assert.That(Wait.For(read), Is.EqualTo(RequestStatus.Success));
        Assert.That(data, Is.EqualTo(Enumerable.Range(0, data.Length).Select(i => (byte)((i / 512) + 1))));
    }

    /// <summary>
    /// QEMU waits for all of a configuration space, which on a busy machine may not take a thousand turns.
    /// </summary>
    [Test]
    public void ConfigurationReadHasManyRequestsAtOnce()
    {
        byte[] data = new byte[4096];
        Task<RequestStatus> read =
            Task.Run(() => Link.Connection.Requester.ReadConfiguration(
                FunctionId.FromNumber(5), s_requester, new Bdf(1, 0, 5), 0, data));
        for (uint asked = 0; asked < 4096; asked += 4 * 256)
        {
            RawFrame[] requests = [.. Enumerable.Range(0, 256).Select(_ => Peer.Receive())];
            foreach (RawFrame request in requests)
            {
                Assert.That(request.Dw(0), Is.EqualTo(0x0400_0001u), "CfgRd0 of 1 DW");
                Assert.That(request.Dw(1) & 0xffff_00ff, Is.EqualTo(0x0100_000fu), "requester and byte enables");
                Assert.That(request.Dw(2) & 0xffff_0000, Is.EqualTo(0x0105_0000u), "target");
                Complete(request, BitConverter.GetBytes(request.Dw(2) & 0xfff));
            }
        }

        Assert.That(Wait.For(read), Is.EqualTo(RequestStatus.Success));
        Assert.That(data, Is.EqualTo(Enumerable.Range(0, 1024).SelectMany(dw => BitConverter.GetBytes(4 * dw))));
    }

    private Task<RequestStatus> Read(byte[] data) =>
        Task.Run(() => Link.Connection.Requester.ReadMemory(FunctionId.FromNumber(5), s_requester, 0x1000, data, 512));

    private void Complete(RawFrame request, byte[] data) => Peer.Send(RawFrame.TlpOf(
        5,
        [0x4a00_0000 | (uint)(data.Length / 4), (uint)data.Length, 0x0100_0000 | (request.Dw(1) & 0xff00)],
        data));
}
