using System.Text;
using System.Text.Json;
using EpfTest.Kit.VfioUser;
using EpfTest.Protocol.Linux;

namespace EpfTest.Unit.VfioUser;

/// <summary>VFIO_USER_VERSION.</summary>
internal sealed class VersionTests : ServerFixture
{
    private static readonly string[] s_always = ["max_msg_fds", "max_data_xfer_size"];

    private static IEnumerable<TestCaseData> RefusedPayloads()
    {
        yield return Case("nothing", []);
        yield return Case("half a version", [0, 0]);
        yield return Case("another major", [0xe7, 0x03, 0, 0]);
        yield return Case("JSON without a NUL", [0, 0, 0, 0, (byte)'{', (byte)'}']);
        yield return Json("no JSON but a NUL", "");
        yield return Json("no closing brace", "{");
        yield return Json("no closing quote", "\"");
        yield return Json("something behind the JSON", "{} {}");
        yield return Json("no object", "[]");
        yield return Json("capabilities not an object", """{"capabilities":"23"}""");
        yield return Json("max_msg_fds not a number", """{"capabilities":{"max_msg_fds":"foo"}}""");
        yield return Json("max_msg_fds negative", """{"capabilities":{"max_msg_fds":-1}}""");
        yield return Json("max_msg_fds too large", """{"capabilities":{"max_msg_fds":1025}}""");
        yield return Json("max_msg_fds not whole", """{"capabilities":{"max_msg_fds":1.5}}""");
        yield return Json("max_data_xfer_size not a number", """{"capabilities":{"max_data_xfer_size":{}}}""");
        yield return Json("max_data_xfer_size zero", """{"capabilities":{"max_data_xfer_size":0}}""");
        yield return Json("migration not an object", """{"capabilities":{"migration":"23"}}""");
        yield return Json("pgsize not a number", """{"capabilities":{"migration":{"pgsize":"foo"}}}""");
        yield return Json("half a surrogate pair in a name", """{"\ud800 is only half of a character":1}""");
        yield return Json("too deep", new string('[', 1000));

        static TestCaseData Case(string name, byte[] payload) => new TestCaseData(payload).SetArgDisplayNames(name);

        static TestCaseData Json(string name, string json) => Case(name, RawPayload.Version(0, 0, json));
    }

    [TestCaseSource(nameof(RefusedPayloads))]
    public void BadVersionIsRefusedAndTheConnectionClosed(byte[] payload)
    {
        RawVfioUserClient client = ConnectSilently();
        Assert.That(client.Try(RawCommand.Version, payload), Is.EqualTo(Errno.EINVAL));
        client.ExpectHangUp();
        client.Dispose();
        Assert.That(() => Connect(), Throws.Nothing, "the next client is served");
    }

    [TestCase((ushort)999)]
    [TestCase(RawCommand.GetInfo)]
    [TestCase(RawCommand.RegionRead)]
    public void AnythingButAVersionFirstIsRefusedAndTheConnectionClosed(ushort command)
    {
        RawVfioUserClient client = ConnectSilently();
        Assert.That(client.Try(command, RawPayload.DeviceInfo()), Is.EqualTo(Errno.EINVAL));
        client.ExpectHangUp();
    }

    [Test]
    public void VersionWithADescriptorIsRefused()
    {
        RawVfioUserClient client = ConnectSilently();
        using var signal = EventFd.Create();
        Assert.That(client.Try(RawCommand.Version, RawPayload.Version(0, 0, "{}"), signal), Is.EqualTo(Errno.EINVAL));
        client.ExpectHangUp();
    }

    [Test]
    public void VersionWithoutDataIsAccepted() =>
        Assert.That(
            Agree(ConnectSilently(), [0, 0, 0, 0]).EnumerateObject().Select(item => item.Name), Is.EqualTo(s_always));

    [TestCase("{}")]
    [TestCase("""{"capabilities":{}}""")]
    [TestCase("""{"capabilities":{"max_msg_fds":1024,"max_data_xfer_size":1048576}}""")]
    [TestCase("""{"capabilities":{"max_msg_fds":0,"something_new":[1,2]},"other":null} """)]
    [TestCase("""{"capabilities":{"migration":{"pgsize":4096},"write_multiple":true,"twin_socket":{}}}""")]
    public void ReplyStatesOurLimitsAndNothingThatWasNotProposed(string json)
    {
        JsonElement capabilities = Agree(ConnectSilently(), RawPayload.Version(0, 0, json));
        Assert.That(capabilities.EnumerateObject().Select(item => item.Name), Is.EqualTo(s_always));
        Assert.That(capabilities.GetProperty("max_msg_fds").GetInt32(), Is.EqualTo(16));
        Assert.That(capabilities.GetProperty("max_data_xfer_size").GetInt32(), Is.EqualTo(1048576));
    }

    [Test]
    public void ReplyStatesProposedDmaCapabilities()
    {
        JsonElement capabilities = Agree(
            ConnectSilently(),
            RawPayload.Version(0, 0, """{"capabilities":{"pgsizes":4096,"max_dma_maps":65535}}"""));
        Assert.That(capabilities.GetProperty("pgsizes").GetInt32(), Is.EqualTo(Environment.SystemPageSize));
        Assert.That(capabilities.GetProperty("max_dma_maps").GetInt32(), Is.EqualTo(65535));
    }

    [Test]
    public void HigherMinorIsAnsweredWithOurs() => Agree(ConnectSilently(), RawPayload.Version(0, 7, "{}"));

    [Test]
    public void SecondVersionIsRefusedAndTheConnectionGoesOn()
    {
        RawVfioUserClient client = Connect();
        Assert.That(client.Try(RawCommand.Version, RawPayload.Version(0, 0, "{}")), Is.EqualTo(Errno.EINVAL));
        Assert.That(client.Try(RawCommand.GetInfo, RawPayload.DeviceInfo()), Is.EqualTo(Errno.None));
    }

    /// <summary>Negotiates, checks the reply's form, and returns the capabilities in it.</summary>
    private static JsonElement Agree(RawVfioUserClient client, byte[] payload)
    {
        RawMessage reply = client.Call(RawCommand.Version, payload);
        Assert.That(reply.Error, Is.EqualTo(Errno.None));
        Assert.That((reply.U16(0), reply.U16(2)), Is.EqualTo((0, 0)), "major and minor");
        Assert.That(reply.Payload[^1], Is.Zero, "the JSON ends with a NUL");
        using var json = JsonDocument.Parse(Encoding.UTF8.GetString(reply.Payload[4..^1]));
        return json.RootElement.GetProperty("capabilities").Clone();
    }
}
