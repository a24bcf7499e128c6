using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.Completion;
using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.Unit.Pcie.Completion;

/// <summary>The rules of both completers; sections of the PCI Express Base Specification 6.0.</summary>
[TestFixture]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class CompleterTests
{
    private static readonly Bdf s_requester = new(1, 0, 0);
    private readonly FakeTarget _target = new();
    private readonly FakeSender _sender = new();
    private readonly Completer _completer;

    public CompleterTests() => _completer = new Completer(_target, _sender);

    private static TlpHeader Read(ulong address, int length) =>
        TlpHeader.MemoryRead(address, length, s_requester, tag: 1);

    private static TlpHeader Write(ulong address, int length) => TlpHeader.MemoryWrite(address, length, s_requester);

    private string Sent => string.Join(", ", _sender.Sent);

    private string Log => string.Join(", ", _target.Log);

    [Test]
    public void AReadReturnsDataByTheTargetsBoundaryAndMps([Values(64, 128)] int boundary)
    {
        _target.ReadCompletionBoundary = boundary;
        _target.Memory[0x10] = 0x5a;
        Assert.That(_completer.TryCarryOut(Read(FakeTarget.Address + 0x10, 8), []), Is.True);
        Assert.That(Sent, Is.EqualTo($"data 8 rcb {boundary} mps 256"), "section 2.3.1.1");
        Assert.That(_sender.Data[0], Is.EqualTo(0x5a));
    }

    [Test]
    public void NothingAtAnAddressIsUnsupportedRequest()
    {
        _completer.TryCarryOut(Read(0x9000, 4), []);
        Assert.That((Sent, Log), Is.EqualTo(("UnsupportedRequest", "failed UnsupportedRequest")), "section 2.3.1");
    }

    [Test]
    public void MemoryWithoutTheRightToAccessIsCompleterAbort()
    {
        _target.Status = RequestStatus.CompleterAbort;
        _completer.TryCarryOut(Read(FakeTarget.Address, 4), []);
        Assert.That((Sent, Log), Is.EqualTo(("CompleterAbort", "failed CompleterAbort")), "section 2.3.1");
    }

    [Test]
    public void APayloadAboveMaxPayloadSizeIsMalformedAndDropped()
    {
        _completer.TryCarryOut(Write(FakeTarget.Address, 512), new byte[512]);
        Assert.That((Sent, Log), Is.EqualTo(("", "malformed")), "section 2.2.2");
        _completer.TryCarryOut(Write(FakeTarget.Address, 256), new byte[256]);
        Assert.That(Log, Is.EqualTo("malformed, write 256 at 0"));
    }

    [Test]
    public void PoisonedDataIsNotWrittenButRecorded()
    {
        _completer.TryCarryOut(Write(FakeTarget.Address, 4) with { Poisoned = true }, new byte[4]);
        Assert.That((Sent, Log), Is.EqualTo(("", "failed Poisoned")), "section 2.7.2.1");
    }

    [Test]
    public void APoisonedRequestThatTakesACompletionIsUnsupportedRequest()
    {
        TlpHeader write = TlpHeader.IoWrite((uint)FakeTarget.Address, 4, s_requester, tag: 1) with { Poisoned = true };
        _completer.TryCarryOut(write, new byte[4]);
        Assert.That((Sent, Log), Is.EqualTo(("UnsupportedRequest", "failed Poisoned")), "section 2.7.2.2");
    }

    [Test]
    public void APostedWriteThatFailsIsRecordedAndNotCompleted()
    {
        _completer.TryCarryOut(Write(0x9000, 4), new byte[4]);
        Assert.That((Sent, Log), Is.EqualTo(("", "failed UnsupportedRequest")), "section 2.3.1");
    }

    [Test]
    public void AWriteWithoutEnabledBytesHasNoEffect()
    {
        _completer.TryCarryOut(Write(FakeTarget.Address, 4) with { FirstByteEnables = 0 }, new byte[4]);
        Assert.That((Sent, Log), Is.EqualTo(("", "")), "section 2.2.5");
    }

    [Test]
    public void OnlyEnabledBytesAreWritten()
    {
        _completer.TryCarryOut(Write(FakeTarget.Address, 4) with { FirstByteEnables = 0b1001 }, [1, 2, 3, 4]);
        Assert.That(_target.Memory[..4], Is.EqualTo([1, 0, 0, 4]), "section 2.2.5");
    }

    [Test]
    public void AFunctionThatIsNotPresentIsUnsupportedRequest()
    {
        _target.IsPresent = false;
        _completer.TryCarryOut(Read(FakeTarget.Address, 4), []);
        Assert.That((Sent, Log), Is.EqualTo(("UnsupportedRequest", "")));
    }

    [Test]
    public void ARootComplexRefusesConfigurationRequests()
    {
        _completer.TryCarryOut(TlpHeader.ConfigurationRead(s_requester, 8, 4, s_requester, tag: 1), []);
        _completer.TryCarryOut(TlpHeader.ConfigurationWrite(s_requester, 8, 4, s_requester, tag: 1), new byte[4]);
        Assert.That(Sent, Is.EqualTo("UnsupportedRequest, UnsupportedRequest"), "section 2.3.1");
    }

    [Test]
    public void AFunctionCarriesOutConfigurationRequests()
    {
        _target.HasConfig = true;
        _completer.TryCarryOut(TlpHeader.ConfigurationRead(s_requester, 8, 4, s_requester, tag: 1), []);
        Assert.That(_sender.Data, Is.EqualTo([8, 0, 0, 0]));
        _completer.TryCarryOut(TlpHeader.ConfigurationWrite(s_requester, 8, 4, s_requester, tag: 1), [7, 0, 0, 0]);
        Assert.That(Log, Is.EqualTo("config 8=7"));
        Assert.That(_sender.Sent[^1], Is.EqualTo("SuccessfulCompletion"));
    }

    [Test]
    public void PrivateMemoryWaitsForTheSlowPath()
    {
        TlpHeader read = Read(FakeTarget.PrivateAddress, 4);
        Assert.That(_completer.TryCarryOut(read, []), Is.False);
        Assert.That(_completer.IsPrivate(read), Is.True);
        Assert.That(Sent, Is.Empty);
        _completer.CarryOutQueued(read, [], static () => true);
        Assert.That(Sent, Is.EqualTo("data 4 rcb 64 mps 256"));
    }

    [Test]
    public void ACompletionDoesNotPassPostedWritesOfTheGuest()
    {
        _target.HasPendingPostedWrites = true;
        TlpHeader read = Read(FakeTarget.Address, 4);
        Assert.That(_completer.TryCarryOut(read, []), Is.False, "section 2.4.1");
        _completer.CarryOutQueued(read, [], static () => true);
        _target.Drains = false;
        _completer.CarryOutQueued(read, [], static () => true);
        Assert.That(Sent, Is.EqualTo("data 4 rcb 64 mps 256, CompleterAbort"));
        Assert.That(Log, Is.EqualTo("failed CompletionTimeout"));
    }

    [Test]
    public void AnAnswerThatWasTakenIsNotGivenAgain()
    {
        TlpHeader read = Read(FakeTarget.PrivateAddress, 4);
        _completer.Abandon(read);
        _completer.CarryOutQueued(read, [], static () => false);
        Assert.That((Sent, Log), Is.EqualTo(("CompleterAbort", "failed WouldDeadlock")));
    }

    [Test]
    public void AZeroLengthReadIsAlwaysAnswered()
    {
        TlpHeader flush = Read(0x9000, 1) with { FirstByteEnables = 0 };
        Assert.That(_completer.TryCarryOut(flush, []), Is.True);
        _completer.Abandon(flush);
        Assert.That(_sender.Sent, Has.All.StartsWith("data "), "section 2.2.5");
        Assert.That(Log, Is.Empty);
    }

    [Test]
    public void ReadsAreAnsweredTogetherWhereTheSenderCan()
    {
        _sender.Holds = true;
        _target.Memory[4] = 0x77;
        _completer.TryCarryOut(Read(FakeTarget.Address + 4, 4), []);
        Assert.That(Sent, Is.EqualTo("held 4"));
        Assert.That(_sender.Data[0], Is.EqualTo(0x77));
        _target.Status = RequestStatus.UnsupportedRequest;
        _completer.TryCarryOut(Read(FakeTarget.Address, 4), []);
        Assert.That(_sender.Sent[^1], Is.EqualTo("UnsupportedRequest"));
    }

    [Test]
    public void AMessageIsTakenEvenWithoutAFunction()
    {
        _completer.TryCarryOut(TlpHeader.Message(MessageCode.Assert_INTA, s_requester), []);
        Assert.That(Log, Is.EqualTo("message"));
    }
}
