using System.Net.Sockets;
using System.Runtime.Versioning;
using EpfTest.Kit;
using EpfTest.Kit.VfioUser;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.VfioUser;

namespace EpfTest.Unit.Linux;

/// <summary>Where a listening socket may take the place of a file, and that it goes again.</summary>
[SupportedOSPlatform("linux")]
internal sealed class UnixListenerTests
{
    private TemporaryFolder _folder = null!;

    private string SocketPath => _folder.File("listener.sock");

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public void SocketIsItsOwnersAloneAndGoesWithTheListener()
    {
        using (var listener = UnixListener.Listen(SocketPath))
        {
            Assert.That(listener.Path, Is.EqualTo(SocketPath));
            Assert.That(File.GetUnixFileMode(SocketPath), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        }

        Assert.That(File.Exists(SocketPath), Is.False);
    }

    [Test]
    public void SocketThatADeadProcessLeftIsReplaced()
    {
        using (var dead = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            dead.Bind(new UnixDomainSocketEndPoint(SocketPath));
            File.Move(SocketPath, _folder.File("kept"));
        }

        File.Move(_folder.File("kept"), SocketPath);
        using var listener = UnixListener.Listen(SocketPath);
        Assert.That(() => UnixSocket.Connect(SocketPath).Dispose(), Throws.Nothing);
    }

    [Test]
    public void SocketThatIsServedIsRefusedAndStays()
    {
        using var living = UnixListener.Listen(SocketPath);
        Assert.That(
            () => UnixListener.Listen(SocketPath),
            Throws.TypeOf<LinuxException>().With.Property(nameof(LinuxException.Errno)).EqualTo(Errno.EADDRINUSE));
        Assert.That(() => UnixSocket.Connect(SocketPath).Dispose(), Throws.Nothing);
    }

    [Test]
    public void FileThatIsNoSocketIsRefusedAndStays()
    {
        File.WriteAllText(SocketPath, "precious");
        Assert.That(
            () => UnixListener.Listen(SocketPath),
            Throws.TypeOf<LinuxException>().With.Property(nameof(LinuxException.Errno)).EqualTo(Errno.EEXIST));
        Assert.That(File.ReadAllText(SocketPath), Is.EqualTo("precious"));
    }

    [Test]
    public void PathThatCannotBeMadeIsRefusedWithItsReason()
    {
        string path = Path.Combine(_folder.File("missing"), "listener.sock");
        Assert.That(
            () => UnixListener.Listen(path),
            Throws.TypeOf<LinuxException>().With.Property(nameof(LinuxException.Errno)).EqualTo(Errno.ENOENT)
                .And.Message.Contains(path));
        Assert.That(
            () => UnixListener.Listen(_folder.File(new string('x', 200))),
            Throws.TypeOf<LinuxException>().With.Property(nameof(LinuxException.Errno)).EqualTo(Errno.EINVAL));
    }

    [Test]
    public void ListenerMayOutliveItsDirectory()
    {
        using var folder = new TemporaryFolder();
        string gone = folder.File("gone");
        Directory.CreateDirectory(gone);
        var listener = UnixListener.Listen(Path.Combine(gone, "listener.sock"));
        Directory.Delete(gone, recursive: true);
        Assert.That(listener.Dispose, Throws.Nothing);
    }

    [Test]
    public void StopEndsAWaitingAccept()
    {
        using var listener = UnixListener.Listen(SocketPath);
        Task<UnixSocket?> accept = Task.Run(listener.Accept);
        listener.Stop();
        Assert.That(Wait.For(accept), Is.Null);
    }

    [TestCase(UnixFileMode.OtherWrite)]
    [TestCase(UnixFileMode.GroupWrite)]
    public void DirectoryThatOthersMayWriteToIsRefused(UnixFileMode others)
    {
        string directory = Directory.CreateDirectory(_folder.File("open")).FullName;
        const UnixFileMode Mine = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        File.SetUnixFileMode(directory, Mine | others);
        string path = Path.Combine(directory, "listener.sock");
        Assert.That(
            () => UnixListener.Listen(path),
            Throws.InstanceOf<LinuxException>().With.Message.Contains($"chmod go-w {directory}"));

        // As /tmp: others can add files there, but not take ours away.
        File.SetUnixFileMode(directory, Mine | others | UnixFileMode.StickyBit);
        using var listener = UnixListener.Listen(path);
        Assert.That(File.Exists(path), Is.True);
    }

    [Test]
    public void OurOwnUserIsAllowedAndAnotherOnlyByName()
    {
        using var listener = UnixListener.Listen(SocketPath);
        using var client = UnixSocket.Connect(SocketPath);
        using UnixSocket accepted = listener.Accept()!;
        uint user = accepted.Peer.User;
        uint another = user + 1;
        Assert.That(accepted.Peer.Process, Is.EqualTo(Environment.ProcessId));
        foreach (UnixSocket end in new[] { client, accepted })
        {
            Assert.That(PeerPolicy.SameUser.Refusal(end), Is.Null);
            Assert.That(new PeerPolicy(another, []).Refusal(end), Does.Contain($"--allow-uid {user}"));
            Assert.That(new PeerPolicy(another, [user]).Refusal(end), Is.Null);
        }
    }

    [Test]
    public void ClientOfAnotherUserIsRefused()
    {
        using var logger = new RecordingLogger();
        var strangers = new VfioUserServerOptions { Peers = new PeerPolicy(uint.MaxValue, []) };
        using (new VfioUserServer(new TestDevice(), SocketPath, logger.CreateLogger("test"), strangers))
        {
            using var client = UnixSocket.Connect(SocketPath);
            client.SetReceiveTimeout(Wait.Limit);
            Errno error = client.Receive(new byte[1], new int[UnixSocket.MaxDescriptors], out _, out int received);
            Assert.That((error, received), Is.EqualTo((Errno.None, 0)), "it hangs up");
        }

        Assert.That(logger.Lines, Has.Some.Contains("client refused"));
    }
}
