using EpfTest.EpcDevice.Registers;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.EpcDevice.Functions;

/// <summary>
/// A function block's registers (<c>docs/registers.md</c>, "Function blocks"): stages what the EP guest writes, and
/// commits it to the function's parts.
/// </summary>
/// <remarks>Belongs to the thread that serves the EP guest.</remarks>
internal sealed class FunctionRegisters(
    FunctionContext context,
    FunctionConfiguration configuration,
    BarSet bars,
    InterruptSource interrupts,
    FunctionEvents events)
{
    private const int InboundEnd = EpcRegister.FnInboundBase + (EpcLimits.Inbounds * EpcRegister.FnInboundStride);

    private readonly StagedRegisters _staged = new(InboundEnd);
    private CommitResult _result;

    /// <inheritdoc cref="IRegisterBlock.Read"/>
    public uint Read(int offset)
    {
        if (IsStaged(offset))
        {
            return _staged[offset];
        }

        lock (context.Lock)
        {
            return offset switch
            {
                >= EpcRegister.FnInboundBase => 0,
                >= EpcRegister.FnBarBase => ReadBar(BarOf(offset), offset % EpcRegister.FnBarStride),
                EpcRegister.FnId => Field.Put(EpcRegister.FnIdFunction, context.Id.Physical)
                    | Field.Put(EpcRegister.FnIdVfunction, context.Id.Virtual),
                EpcRegister.FnControl =>
                    Field.Put(EpcRegister.FnControlPresent, configuration.Header is not null),
                EpcRegister.FnResult => (uint)_result,
                EpcRegister.FnMsiSetup => (uint)interrupts.MsiVectors,
                EpcRegister.FnMsixSetup => (uint)MsixVectors,
                EpcRegister.FnIntx => Field.Put(EpcRegister.FnIntxAssert, interrupts.IsIntxAsserted),
                EpcRegister.FnEventStatus => events.Status,
                EpcRegister.FnEventMask => events.Mask,
                _ => ReadHostSettings(offset),
            };
        }
    }

    /// <inheritdoc cref="IRegisterBlock.Write"/>
    /// <returns>Whether a commit succeeded: the link may have been waiting for it.</returns>
    public bool Write(int offset, uint value)
    {
        if (IsStaged(offset))
        {
            _staged[offset] = value;
        }
        else if (Raise(offset, value) is { } raised)
        {
            _result = raised;
        }
        else if (Commit(offset, value) is { } committed)
        {
            _result = committed;
            return committed == CommitResult.Ok;
        }
        else if (offset is EpcRegister.FnEventStatus or EpcRegister.FnEventMask)
        {
            configuration.WriteEvents(offset, value);
        }

        return false;
    }

    /// <summary>Clears the function, and puts every register to its reset value. The link is down.</summary>
    public void Reset()
    {
        lock (context.Lock)
        {
            _staged.Clear();
            _result = CommitResult.Ok;
            events.Reset();
            configuration.Reset();
            bars.Reset();
            interrupts.Reset();
        }

        bars.Drain();
    }

    private int MsixVectors => interrupts.Msix?.VectorCount ?? 0;

    private static bool IsStaged(int offset) => offset switch
    {
        >= InboundEnd => false,
        >= EpcRegister.FnInboundBase => offset % EpcRegister.FnInboundStride <= EpcRegister.FnInboundTargetHi,
        >= EpcRegister.FnBarBase => BarOf(offset) < PciRegister.BaseAddressCount
            && offset % EpcRegister.FnBarStride <= EpcRegister.FnBarFlags,
        EpcRegister.FnVendorDevice or EpcRegister.FnClassRevision or EpcRegister.FnSubsystem or EpcRegister.FnMisc
            or EpcRegister.FnMsixTable or EpcRegister.FnMsixPba => true,
        _ => false,
    };

    private static int BarOf(int offset) => (offset - EpcRegister.FnBarBase) / EpcRegister.FnBarStride;

    private uint ReadBar(int bar, int register)
    {
        if (bar >= bars.Specs.Count || bars.Specs[bar] is not { } spec)
        {
            return 0;
        }

        ulong address = context.Config is { } config && config.Bars[bar] == spec ? config.BarAddress(bar) : 0;
        return register switch
        {
            EpcRegister.FnBarControl => EpcRegister.FnBarControlEnable
                | Field.Put(EpcRegister.FnBarControlInbounds, bars.InboundCount(bar)),
            EpcRegister.FnBarAddressLo => (uint)address,
            EpcRegister.FnBarAddressHi => (uint)(address >> 32),
            _ => 0,
        };
    }

    /// <summary>Reads a register that shows what the host has programmed.</summary>
    private uint ReadHostSettings(int offset)
    {
        ConfigSpace? config = context.Config;
        MsiCapability? msi = config?.Msi;
        MsixCapability? msix = config?.Msix;
        return offset switch
        {
            EpcRegister.FnMsiState => Field.Put(EpcRegister.FnMsiStateEnabled, msi?.Enabled ?? false)
                | Field.Put(EpcRegister.FnMsiStateVectors, msi?.EnabledVectors ?? 0),
            EpcRegister.FnMsixState => Field.Put(EpcRegister.FnMsixStateEnabled, msix?.Enabled ?? false)
                | Field.Put(EpcRegister.FnMsixStateMasked, msix?.FunctionMask ?? false)
                | Field.Put(EpcRegister.FnMsixStateVectors, MsixVectors),
            EpcRegister.FnMsiAddressLo => (uint)(msi?.Address ?? 0),
            EpcRegister.FnMsiAddressHi => (uint)((msi?.Address ?? 0) >> 32),
            EpcRegister.FnMsiData => msi?.Data ?? 0u,
            EpcRegister.FnCommand => (uint)(config?.Command ?? PciCommand.None),
            EpcRegister.FnPowerState => (uint)(config?.PowerState ?? PowerState.D0),
            _ => 0,
        };
    }

    private CommitResult? Raise(int offset, uint value) => offset switch
    {
        EpcRegister.FnRaiseMsi => interrupts.Raise(InterruptKind.Msi, value),
        EpcRegister.FnRaiseMsix => interrupts.Raise(InterruptKind.Msix, value),
        EpcRegister.FnIntx when configuration.Header is { InterruptPin: InterruptPin.None } => CommitResult.Invalid,
        EpcRegister.FnIntx => interrupts.SetIntx((value & EpcRegister.FnIntxAssert) != 0),
        _ => null,
    };

    private CommitResult? Commit(int offset, uint value) => offset switch
    {
        >= EpcRegister.FnInboundBase => null,
        >= EpcRegister.FnBarBase when BarOf(offset) < PciRegister.BaseAddressCount
            && offset % EpcRegister.FnBarStride == EpcRegister.FnBarControl => CommitBar(BarOf(offset), value),
        EpcRegister.FnControl => CommitHeader((value & EpcRegister.FnControlPresent) != 0),
        EpcRegister.FnMsiSetup => interrupts.CommitMsi(value),
        EpcRegister.FnMsixSetup => interrupts.CommitMsix(value == 0 ? null : StagedMsix((int)value), bars.Specs),
        _ => null,
    };

    private CommitResult CommitHeader(bool present)
    {
        ConfigSpaceHeader? header = present ? StagedHeader() : null;
        if (present && header is null)
        {
            return CommitResult.Invalid;
        }

        CommitResult result = configuration.CommitHeader(header);
        if (result == CommitResult.Ok && !present)
        {
            Reset();
        }

        return result;
    }

    private CommitResult CommitBar(int bar, uint control)
    {
        if ((control & EpcRegister.FnBarControlEnable) == 0)
        {
            return bars.Commit(bar, null, null);
        }

        int count = Field.Get(EpcRegister.FnBarControlInbounds, control);
        int registers = EpcRegister.FnBarBase + (bar * EpcRegister.FnBarStride);
        if (!BarSpec.TryCreate(
                _staged[registers + EpcRegister.FnBarFlags],
                _staged.Get64(registers + EpcRegister.FnBarSizeLo),
                out BarSpec spec)
            || bar + spec.RegisterCount > PciRegister.BaseAddressCount
            || count > EpcLimits.Inbounds)
        {
            return CommitResult.Invalid;
        }

        CommitResult result = InboundMap.Create(StagedInbounds(count), spec.Size, out InboundMap? map);
        return result == CommitResult.Ok ? bars.Commit(bar, spec, map) : result;
    }

    private ConfigSpaceHeader? StagedHeader()
    {
        uint vendorDevice = _staged[EpcRegister.FnVendorDevice];
        uint classRevision = _staged[EpcRegister.FnClassRevision];
        uint subsystem = _staged[EpcRegister.FnSubsystem];
        uint misc = _staged[EpcRegister.FnMisc];
        int pin = Field.Get(EpcRegister.FnInterruptPin, misc);
        return pin > (int)InterruptPin.IntD ? null : new ConfigSpaceHeader
        {
            VendorId = (ushort)Field.Get(EpcRegister.FnVendor, vendorDevice),
            DeviceId = (ushort)Field.Get(EpcRegister.FnDevice, vendorDevice),
            RevisionId = (byte)Field.Get(EpcRegister.FnRevision, classRevision),
            ProgrammingInterface = (byte)Field.Get(EpcRegister.FnProgif, classRevision),
            SubClass = (byte)Field.Get(EpcRegister.FnSubclass, classRevision),
            BaseClass = (byte)Field.Get(EpcRegister.FnBaseclass, classRevision),
            CacheLineSize = (byte)Field.Get(EpcRegister.FnCacheLineSize, misc),
            SubsystemVendorId = (ushort)Field.Get(EpcRegister.FnSubsystemVendor, subsystem),
            SubsystemId = (ushort)Field.Get(EpcRegister.FnSubsystemId, subsystem),
            InterruptPin = (InterruptPin)pin,
        };
    }

    private InboundTranslation[] StagedInbounds(int count)
    {
        var translations = new InboundTranslation[count];
        for (int i = 0; i < count; i++)
        {
            int registers = EpcRegister.FnInboundBase + (i * EpcRegister.FnInboundStride);
            translations[i] = new InboundTranslation(
                _staged.Get64(registers + EpcRegister.FnInboundOffsetLo),
                _staged.Get64(registers + EpcRegister.FnInboundSizeLo),
                _staged.Get64(registers + EpcRegister.FnInboundTargetLo));
        }

        return translations;
    }

    private MsixLayout StagedMsix(int vectors)
    {
        uint table = _staged[EpcRegister.FnMsixTable];
        uint pba = _staged[EpcRegister.FnMsixPba];
        return new MsixLayout(
            vectors,
            Field.Get(EpcRegister.FnMsixBir, table),
            table & EpcRegister.FnMsixOffset,
            Field.Get(EpcRegister.FnMsixBir, pba),
            pba & EpcRegister.FnMsixOffset);
    }
}
