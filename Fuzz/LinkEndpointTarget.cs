using EpfTest.EpcDevice.Link;
using EpfTest.EpcDevice.Registers;
using EpfTest.Kit;
using EpfTest.Kit.EpcDevice;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Link.Transport;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Pcie.ConfigurationSpace;
using Microsoft.Extensions.Logging.Abstractions;

namespace EpfTest.Fuzz;

/// <summary>
/// EpcDevice's end of the link, with the endpoint controller behind it; the fuzzer is EpfBridge. The EP guest has set
/// up a function with BARs of memory, I/O space and the doorbell, and the host has enabled it.
/// </summary>
internal sealed class LinkEndpointTarget : LinkTarget
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("epftest-fuzz-");
    private readonly RefusalLog _refusals = new(NullLogger.Instance);

    // What the controller asks of the host is done at once, so that nothing waits for the input.
    private readonly EpcRig _rig = new();
    private readonly EndpointPort _link;

    public LinkEndpointTarget()
        : base(LinkRole.Bridge)
    {
        _rig.SetBar(0, 0, 0x10000, 0, (0, 0x10000, FakeGuest.RamAddress));
        _rig.SetBar(0, 1, 0x1000, 0, (0, 0x1000, EpcRig.RegistersAddress));
        _rig.SetBar(0, 2, 0x100, EpcRegister.FnBarFlagIo, (0, 0x100, FakeGuest.RamAddress + 0x2_0000));
        _rig.SetBar(
            0,
            4,
            0x10000,
            EpcRegister.FnBarFlag64Bit | EpcRegister.FnBarFlagPrefetch,
            (0, 0x10000, FakeGuest.RamAddress + 0x8_0000));
        _rig.SetMsix(0, table: 0x8000, pendingBits: 0xc000, 64);
        _rig.AddFunction(0);
        _link = new EndpointPort(
            _rig.Controller,
            Path.Combine(_folder.FullName, "link.sock"),
            new LinkSettings(LinkRole.Endpoint, Capabilities) { Timeouts = Timeouts },
            PeerPolicy.SameUser,
            NullLogger.Instance);
    }

    protected override void Serve(IFrameTransport transport)
    {
        _rig.BringUp();
        if (!_rig.HostFunction.IsVisible)
        {
            throw new FindingException("the function is not visible");
        }

        for (int bar = 0; bar < PciRegister.BaseAddressCount; bar++)
        {
            _rig.HostWrites(PciRegister.BaseAddress0 + (bar * 4), 0xe000_0000u + ((uint)bar << 20));
        }

        _rig.SetCommand(PciCommand.IoSpaceEnable | PciCommand.MemorySpaceEnable | PciCommand.BusMasterEnable);
        _link.Serve(transport, _refusals);

        // A refused hello has no other effect.
        _rig.Controller.HostPresenceChanged(false);
    }

    protected override void ExpectNothingLeft()
    {
        _rig.Host.TakeLog();
        if (_rig.HostFunction.IsVisible || _rig.Failures.Count > 0)
        {
            throw new FindingException(
                $"the function is visible without a host, or: {string.Join(' ', _rig.Failures)}");
        }
    }

    public override void Dispose()
    {
        _rig.Dispose();
        _link.Dispose();
        _folder.Delete(recursive: true);
        base.Dispose();
    }
}
