using EpfTest.EpcDevice.Registers;

namespace EpfTest.Kit;

/// <summary>What the EP guest's driver does with the controller's registers (docs/registers.md).</summary>
internal static class EpDriver
{
    /// <summary>A register of a function's block.</summary>
    public static int Function(int function, int register) =>
        EpcRegister.FunctionBase + (function * EpcRegister.FunctionStride) + register;

    public static int Bar(int function, int bar, int register) =>
        Function(function, EpcRegister.FnBarBase + (bar * EpcRegister.FnBarStride) + register);

    public static int Outbound(int entry, int register) =>
        EpcRegister.OutboundBase + (entry * EpcRegister.OutboundStride) + register;

    public static int Dma(int channel, int register) =>
        EpcRegister.DmaBase + (channel * EpcRegister.DmaStride) + register;

    /// <summary>Writes a register that commits.</summary>
    public static CommitResult Commit(this IEpRegisters ep, int function, int register, uint value)
    {
        ep[Function(function, register)] = value;
        return (CommitResult)ep[Function(function, EpcRegister.FnResult)];
    }

    /// <summary>Stages a BAR and its inbound translations, and commits them.</summary>
    public static CommitResult TrySetBar(
        this IEpRegisters ep,
        int function,
        int bar,
        ulong size,
        uint flags,
        params (ulong Offset, ulong Size, ulong Target)[] inbounds)
    {
        for (int i = 0; i < inbounds.Length; i++)
        {
            int entry = Function(function, EpcRegister.FnInboundBase + (i * EpcRegister.FnInboundStride));
            ep.Set64(entry + EpcRegister.FnInboundOffsetLo, inbounds[i].Offset);
            ep.Set64(entry + EpcRegister.FnInboundSizeLo, inbounds[i].Size);
            ep.Set64(entry + EpcRegister.FnInboundTargetLo, inbounds[i].Target);
        }

        ep.Set64(Bar(function, bar, EpcRegister.FnBarSizeLo), size);
        ep[Bar(function, bar, EpcRegister.FnBarFlags)] = flags;
        return ep.CommitBar(
            function,
            bar,
            EpcRegister.FnBarControlEnable | Field.Put(EpcRegister.FnBarControlInbounds, inbounds.Length));
    }

    public static CommitResult TryClearBar(this IEpRegisters ep, int function, int bar) =>
        ep.CommitBar(function, bar, 0);

    /// <summary>Writes a function's identity and makes it present.</summary>
    public static CommitResult TryAddFunction(this IEpRegisters ep, int function, ushort device = 0xb500)
    {
        ep[Function(function, EpcRegister.FnVendorDevice)] = 0x104c | ((uint)device << 16);
        ep[Function(function, EpcRegister.FnClassRevision)] = 0xff00_0001;
        ep[Function(function, EpcRegister.FnSubsystem)] = 0x1234_5678;
        ep[Function(function, EpcRegister.FnMisc)] = Field.Put(EpcRegister.FnInterruptPin, 1);
        return ep.Commit(function, EpcRegister.FnControl, EpcRegister.FnControlPresent);
    }

    public static void SetBar(
        this IEpRegisters ep,
        int function,
        int bar,
        ulong size,
        uint flags,
        params (ulong Offset, ulong Size, ulong Target)[] inbounds) =>
        Expect(ep.TrySetBar(function, bar, size, flags, inbounds));

    public static void ClearBar(this IEpRegisters ep, int function, int bar) => Expect(ep.TryClearBar(function, bar));

    /// <summary>Sets MSI-X up; table and pending bits are offsets with the number of their BAR.</summary>
    public static void SetMsix(this IEpRegisters ep, int function, uint table, uint pendingBits, uint vectors)
    {
        ep[Function(function, EpcRegister.FnMsixTable)] = table;
        ep[Function(function, EpcRegister.FnMsixPba)] = pendingBits;
        Expect(ep.Commit(function, EpcRegister.FnMsixSetup, vectors));
    }

    public static void AddFunction(this IEpRegisters ep, int function, ushort device = 0xb500) =>
        Expect(ep.TryAddFunction(function, device));

    /// <summary>Maps host memory into the window.</summary>
    public static CommitResult TryMapOutbound(
        this IEpRegisters ep, int entry, ulong offset, ulong size, ulong address, int function = 0)
    {
        ep.Set64(Outbound(entry, EpcRegister.OutboundOffsetLo), offset);
        ep.Set64(Outbound(entry, EpcRegister.OutboundSizeLo), size);
        ep.Set64(Outbound(entry, EpcRegister.OutboundAddressLo), address);
        return ep.CommitOutbound(
            entry, EpcRegister.OutboundControlEnable | Field.Put(EpcRegister.OutboundControlFunction, function));
    }

    public static void MapOutbound(
        this IEpRegisters ep, int entry, ulong offset, ulong size, ulong address, int function = 0) =>
        Expect(ep.TryMapOutbound(entry, offset, size, address, function));

    public static void UnmapOutbound(this IEpRegisters ep, int entry) => Expect(ep.CommitOutbound(entry, 0));

    /// <summary>
    /// Enables the link once a host side is there, again if it is lost meanwhile, and waits until it is up.
    /// </summary>
    public static void LinkUp(this IEpRegisters ep) => Wait.Until(
        () =>
        {
            uint status = ep[EpcRegister.LinkStatus];
            if ((status & (EpcRegister.LinkStatusUp | EpcRegister.LinkStatusPerst)) == 0
                && (ep[EpcRegister.LinkControl] & EpcRegister.LinkControlEnable) == 0)
            {
                ep[EpcRegister.LinkControl] = EpcRegister.LinkControlEnable;
            }

            return (status & EpcRegister.LinkStatusUp) != 0;
        },
        "the link is up");

    private static CommitResult CommitBar(this IEpRegisters ep, int function, int bar, uint control) =>
        ep.Commit(
            function, EpcRegister.FnBarBase + (bar * EpcRegister.FnBarStride) + EpcRegister.FnBarControl, control);

    private static CommitResult CommitOutbound(this IEpRegisters ep, int entry, uint control)
    {
        ep[Outbound(entry, EpcRegister.OutboundControl)] = control;
        return (CommitResult)ep[Outbound(entry, EpcRegister.OutboundResult)];
    }

    private static void Expect(CommitResult result) => Assert.That(result, Is.EqualTo(CommitResult.Ok));
}
