using EpfTest.Protocol.Link;
using EpfTest.Protocol.Link.Messages;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie;
using FsCheck;
using FsCheck.Fluent;

namespace EpfTest.Unit.Link;

/// <summary>What is written is read back.</summary>
internal sealed class MessagePropertyTests
{
    private static readonly Gen<ulong> s_long = ArbMap.Default.GeneratorFor<ulong>();
    private static readonly Gen<ushort> s_short = ArbMap.Default.GeneratorFor<ushort>();
    private static readonly Gen<DmaAccess> s_access = Gen.Elements(Enum.GetValues<DmaAccess>());

    [Test]
    public void FrameHeader() =>
        Check(
            from length in s_long
            from kind in s_short
            from function in s_short
            select new FrameHeader((uint)length, (FrameKind)kind, FunctionId.FromNumber(function)),
            message =>
            {
                byte[] bytes = new byte[8];
                message.Encode(bytes);
                return Protocol.Link.FrameHeader.Decode(bytes) == message;
            });

    [Test]
    public void Hello() =>
        Check(
            from minor in s_short
            from capabilities in s_long
            select new LinkHello(LinkHello.OurMajor, minor, LinkRole.Bridge, (LinkCapabilities)(uint)capabilities),
            message =>
            {
                byte[] bytes = new byte[16];
                message.Encode(bytes);
                return LinkHello.Accept(bytes, LinkRole.Endpoint, out LinkHello read) is null && read == message;
            });

    [Test]
    public void BarAddress() =>
        Check(
            from bar in Gen.Choose(0, 5)
            from address in s_long
            from enabled in Gen.Elements(false, true)
            from awaited in Gen.Elements(true, false)
            select new BarAddressMessage(bar, address, enabled, awaited),
            message =>
            {
                byte[] bytes = new byte[BarAddressMessage.Length];
                message.Encode(bytes);
                return BarAddressMessage.TryDecode(bytes, out BarAddressMessage read) && read == message;
            });

    [Test]
    public void InterruptInvalidate() =>
        Check(
            from isMsix in Gen.Elements(false, true)
            from start in Gen.Choose(0, 2048)
            from count in Gen.Choose(0, 2048 - start)
            select new InterruptInvalidateMessage(isMsix, start, count),
            message =>
            {
                byte[] bytes = new byte[InterruptInvalidateMessage.Length];
                message.Encode(bytes);
                return InterruptInvalidateMessage.TryDecode(bytes, out InterruptInvalidateMessage read)
                    && read == message;
            });

    [Test]
    public void Memory() =>
        Check(
            from access in s_access
            from address in s_long
            from size in s_long
            from offset in s_long
            select new MemoryMessage(access, address, size, offset),
            message =>
            {
                byte[] bytes = new byte[MemoryMessage.Length];
                message.Encode(bytes);
                return MemoryMessage.TryDecode(bytes, out MemoryMessage read) && read == message;
            });

    [Test]
    public void Inbound() =>
        Check(
            from bar in Gen.Choose(0, 5)
            from access in s_access
            from offset in s_long
            from size in s_long
            from fileOffset in s_long
            select new InboundAddMessage(bar, access, offset, size, fileOffset),
            message =>
            {
                byte[] bytes = new byte[InboundAddMessage.Length];
                message.Encode(bytes);
                return InboundAddMessage.TryDecode(bytes, out InboundAddMessage read) && read == message;
            });

    [Test]
    public void Function() =>
        Check(
            from present in Gen.Elements(true, false)
            from pin in Gen.Choose(0, 4)
            from msi in Gen.Choose(0, 32)
            from msix in Gen.Choose(0, 2048)
            from bars in (from size in s_long
                          from address in s_long
                          from flags in Gen.Choose(0, 13)
                          select new BarMessage(size, address, (uint)flags)).ArrayOf(6)
            select new FunctionMessage(present, (byte)pin, (ushort)msi, (ushort)msix, bars),
            message =>
            {
                byte[] bytes = new byte[FunctionMessage.Length];
                message.Encode(bytes);
                return FunctionMessage.TryDecode(bytes, out FunctionMessage? read)
                    && read! with { Bars = message.Bars } == message
                    && read.Bars.SequenceEqual(message.Bars);
            });

    private static void Check<T>(Gen<T> values, Func<T, bool> property) =>
        Prop.ForAll(Arb.From(values), property).Check(Config.QuickThrowOnFailure.WithMaxTest(1000));
}
