using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;
using EpfTest.Kit;
using EpfTest.Rig.Guests;

namespace EpfTest.Unit.Rig.Guests;

internal sealed class ScriptChannelTests
{
    private readonly ConcurrentQueue<string> _lines = new();
    private TemporaryFolder _folder = null!;
    private ScriptChannel _channel = null!;
    private Socket _qemu = null!;

    [SetUp]
    public void Connect()
    {
        _lines.Clear();
        _folder = new TemporaryFolder();
        _channel = new ScriptChannel(_folder.File("script"), _folder.File("result.log"), _lines.Enqueue);
        _qemu = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    }

    [TearDown]
    public void Disconnect()
    {
        _qemu.Dispose();
        _channel.Dispose();
        _folder.Dispose();
    }

    [TestCase("one\ntwo\nepftest: exit 3\n", "one|two", "one\ntwo\n", 3)]
    [TestCase("one\ntwepftest: exit 0\n", "one|tw", "one\ntw", 0)]
    [TestCase("epftest: exit x\nepftest: exit 1", "epftest: exit x", "epftest: exit x\n", 1)]
    [TestCase("\npart", "|part", "\npart", null)]
    [TestCase("", "", "", null)]
    public void LinesAndTheStatusAreRead(string printed, string lines, string log, int? status)
    {
        Print(printed);
        Assert.That(string.Join('|', _lines), Is.EqualTo(lines));
        Assert.That(File.ReadAllText(_folder.File("result.log")), Is.EqualTo(log));
        Assert.That(_channel.ScriptStatus, Is.EqualTo(status));
    }

    [Test]
    public void ALineThatDoesNotEndIsCut()
    {
        string line = new('x', 100_000);
        Print(line + "\n");
        Assert.That(_lines, Has.Count.EqualTo(2));
        Assert.That(string.Concat(_lines), Is.EqualTo(line));
        Assert.That(File.ReadAllText(_folder.File("result.log")), Is.EqualTo(line + "\n"));
    }

    [Test]
    public void WhatTheScriptIsToldWaitsForQemu()
    {
        _channel.Tell("said one");
        Connect(_qemu);
        _channel.Tell("said two");
        using var reader = new StreamReader(new NetworkStream(_qemu));
        Assert.That(Wait.For(reader.ReadLineAsync()), Is.EqualTo("said one"));
        Assert.That(Wait.For(reader.ReadLineAsync()), Is.EqualTo("said two"));
    }

    [Test]
    public void AQemuThatNeverConnectsEndsIt()
    {
        _channel.Finish();
        Wait.For(_channel.Completed);
        Assert.That(_channel.ScriptStatus, Is.Null);
    }

    [Test]
    public void WhatAQemuPrintedThatEndedAtOnceIsRead()
    {
        Connect(_qemu);
        _qemu.Send("last\n"u8);
        _qemu.Dispose();
        _channel.Finish();
        Wait.For(_channel.Completed);
        Assert.That(_lines.Single(), Is.EqualTo("last"));
    }

    private void Connect(Socket qemu) => qemu.Connect(new UnixDomainSocketEndPoint(_folder.File("script")));

    private void Print(string text)
    {
        Connect(_qemu);
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        for (int sent = 0; sent < bytes.Length;)
        {
            sent += _qemu.Send(bytes.AsSpan(sent));
        }

        _qemu.Dispose();
        Wait.For(_channel.Completed);
    }
}
