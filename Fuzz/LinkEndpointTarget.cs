using System.Buffers.Binary;
using EpfTest.EpcDevice;
using EpfTest.EpcDevice.Link;
using EpfTest.EpcDevice.Registers;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Link.Transport;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Pcie.ConfigurationSpace;
using EpfTest.Protocol.VfioUser;
using Microsoft.Extensions.Logging.Abstractions;

namespace EpfTest.Fuzz;

/// <summary>
/// EpcDevice's end of the link, with the endpoint controller behind it; the fuzzer is EpfBridge. The EP guest has set
/// up a function with BARs of memory, I/O space and the doorbell, and the host has enabled it.
/// </summary>
internal sealed class LinkEndpointTarget : LinkTarget
{
    private const uint RegistersAddress = 0xf000_0000;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("epftest-fuzz-");
    private readonly RefusalLog _refusals = new(NullLogger.Instance);
    private readonly EpcController _controller;
    private readonly EpcPciDevice _device;
    private readonly FuzzGuest _guest;
    private readonly EndpointPort _link;

    public LinkEndpointTarget()
        : base(LinkRole.Bridge)
    {
        _controller = new EpcController(
            static _ => new TrainedLink(),
            NullLogger.Instance, static reason => throw new FindingException($"EpcDevice would end: {reason}"));
        _device = new EpcPciDevice((0x1234, 0xe9c0), _controller, NullLogger.Instance);
        _guest = new FuzzGuest(_device.IrqCounts);
        _device.Attach(_guest);
        _device.DmaMapped(_guest.Range);
        SetOwnBars();
        SetUpFunction();
        _link = new EndpointPort(
            _controller,
            Path.Combine(_folder.FullName, "link.sock"),
            new LinkSettings(LinkRole.Endpoint, Capabilities) { Timeouts = Timeouts },
            PeerPolicy.SameUser,
            NullLogger.Instance);
    }

    protected override void Serve(IFrameTransport transport)
    {
        _controller.HostPresenceChanged(true);
        Write(EpcRegister.LinkControl, EpcRegister.LinkControlEnable);
        if (!_controller.Functions[0].IsVisible)
        {
            throw new FindingException("the function is not there");
        }

        for (int bar = 0; bar < PciRegister.BaseAddressCount; bar++)
        {
            _controller.Functions[0].WriteConfig(
                PciRegister.BaseAddress0 + (bar * 4), 0xe000_0000u + ((uint)bar << 20), 0xf);
        }

        _controller.Functions[0].WriteConfig(PciRegister.Command, 7, 3);

        _link.Serve(transport, _refusals);

        // A refused hello has no other effect.
        _controller.HostPresenceChanged(false);
    }

    protected override void ExpectNothingLeft()
    {
        if (_controller.Functions[0].IsVisible)
        {
            throw new FindingException("the host is gone, and its function still there");
        }
    }

    public override void Dispose()
    {
        _controller.Dispose();
        _link.Dispose();
        _guest.Dispose();
        _folder.Delete(recursive: true);
        base.Dispose();
    }

    private void SetOwnBars()
    {
        WriteConfig(PciRegister.BaseAddress0, RegistersAddress);
        WriteConfig(PciRegister.Command, 6);
    }

    private void SetUpFunction()
    {
        SetBar(0, 0x10000, 0, 0);
        SetBar(1, 0x1000, 0, RegistersAddress);
        SetBar(2, 0x100, EpcRegister.FnBarFlagIo, 0x2_0000);
        SetBar(4, 0x10000, EpcRegister.FnBarFlag64Bit | EpcRegister.FnBarFlagPrefetch, 0x8_0000);
        Write(EpcRegister.FunctionBase + EpcRegister.FnMsixTable, 0x8000);
        Write(EpcRegister.FunctionBase + EpcRegister.FnMsixPba, 0xc000);
        Write(EpcRegister.FunctionBase + EpcRegister.FnMsixSetup, 64);
        Write(EpcRegister.FunctionBase + EpcRegister.FnVendorDevice, 0xb500_104c);
        Write(EpcRegister.FunctionBase + EpcRegister.FnClassRevision, 0xff00_0001);
        Write(EpcRegister.FunctionBase + EpcRegister.FnMisc, 1);
        Write(EpcRegister.FunctionBase + EpcRegister.FnControl, EpcRegister.FnControlPresent);
    }

    private void SetBar(int bar, uint size, uint flags, uint target)
    {
        int inbound = EpcRegister.FunctionBase + EpcRegister.FnInboundBase;
        Write(inbound + EpcRegister.FnInboundOffsetLo, 0);
        Write(inbound + EpcRegister.FnInboundSizeLo, size);
        Write(inbound + EpcRegister.FnInboundTargetLo, target);
        int registers = EpcRegister.FunctionBase + EpcRegister.FnBarBase + (bar * EpcRegister.FnBarStride);
        Write(registers + EpcRegister.FnBarSizeLo, size);
        Write(registers + EpcRegister.FnBarFlags, flags);
        Write(registers + EpcRegister.FnBarControl, EpcRegister.FnBarControlEnable | (1 << 8));
        Span<byte> result = stackalloc byte[sizeof(uint)];
        _device.ReadRegion(EpcRegister.BarRegs, EpcRegister.FunctionBase + EpcRegister.FnResult, result);
        if (BinaryPrimitives.ReadUInt32LittleEndian(result) != (uint)CommitResult.Ok)
        {
            throw new FindingException($"BAR {bar}: {(CommitResult)BinaryPrimitives.ReadUInt32LittleEndian(result)}");
        }
    }

    private void Write(int offset, uint value) =>
        _device.WriteRegion(EpcRegister.BarRegs, (ulong)offset, BitConverter.GetBytes(value));

    private void WriteConfig(int offset, uint value) =>
        _device.WriteRegion(RegionIndex.Config, (ulong)offset, BitConverter.GetBytes(value));
}
