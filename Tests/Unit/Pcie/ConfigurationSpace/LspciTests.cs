using System.Globalization;
using System.Text;
using EpfTest.Kit;
using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.Unit.Pcie.ConfigurationSpace;

/// <summary>Has pciutils, which knows nothing of us, read the configuration space.</summary>
internal class LspciTests
{
    private static readonly string[] s_expected =
    [
        "00:00.0",
        "Control: I/O- Mem+ BusMaster+",
        "DisINTx+",
        "Status: Cap+",
        "Interrupt: pin A",
        "Region 0: Memory at 1240000000 (64-bit, prefetchable)",
        "Region 2: Memory at feb00000 (32-bit, non-prefetchable)",
        "Region 3: I/O ports at e000 [disabled]",
        "Capabilities: [40] Power Management version 3",
        "Flags: PMEClk- DSI- D1- D2- AuxCurrent=0mA PME(D0-,D1-,D2-,D3hot-,D3cold-)",
        "Status: D0 NoSoftRst+ PME-Enable- DSel=0 DScale=0 PME-",
        "Capabilities: [48] MSI: Enable+ Count=8/32 Maskable+ 64bit+",
        "Address: 00000002fee01000  Data: 4020",
        "Masking: 00000080  Pending: 00000000",
        "Capabilities: [60] MSI-X: Enable+ Count=2048 Masked-",
        "Vector table: BAR=2 offset=00001000",
        "PBA: BAR=2 offset=00009000",
        "Capabilities: [6c] Express (v2) Endpoint",
        "DevCap:\tMaxPayload 4096 bytes, PhantFunc 0",
        "ExtTag+ AttnBtn- AttnInd- PwrInd- RBE+ FLReset+",
        "MaxPayload 256 bytes, MaxReadReq 4096 bytes",
        "DevSta:\tCorrErr- NonFatalErr+ FatalErr- UnsupReq- AuxPwr- TransPend-",
        "LnkCap:\tPort #0, Speed 5GT/s, Width x4, ASPM not supported",
        "LnkSta:\tSpeed 5GT/s",
        "Width x4",
        "LnkCap2: Supported Link Speeds: 2.5-5GT/s",
        "Target Link Speed: 5GT/s",
        "Capabilities: [100 v2] Advanced Error Reporting",
        "UESta:\tDLP- SDES- TLP- FCP- CmpltTO+ CmpltAbrt- UnxCmplt- RxOF- MalfTLP- ECRC- UnsupReq- ACSViol-",
        "UESvrt:\tDLP+ SDES- TLP- FCP+ CmpltTO- CmpltAbrt- UnxCmplt- RxOF+ MalfTLP+ ECRC- UnsupReq- ACSViol-",
        "CESta:\tRxErr- BadTLP- BadDLLP- Rollover- Timeout- AdvNonFatalErr-",
        "CEMsk:\tRxErr- BadTLP- BadDLLP- Rollover- Timeout- AdvNonFatalErr+",
        "AERCap:\tFirst Error Pointer: 0e, ECRCGenCap- ECRCGenEn- ECRCChkCap- ECRCChkEn-",
        "HeaderLog: 20000001 0100050f 00000001 feb00000",
        "Capabilities: [148 v1] Device Serial Number 00-11-22-33-44-55-66-77",
    ];

    [Test]
    public void TheRealLspciDecodesWhatWasSetUp()
    {
        ConfigSpace space = EndpointFunction.Create();
        space.WriteWord(PciRegister.Command, 0x0406);
        space.WriteDword(0x10, 0x4000_0000);
        space.WriteDword(0x14, 0x12);
        space.WriteDword(0x18, 0xFEB0_0000);
        space.WriteDword(0x1C, 0xE000);
        space.WriteWord(EndpointFunction.Msi + 2, 0x31);
        space.WriteDword(EndpointFunction.Msi + 4, 0xFEE0_1000);
        space.WriteDword(EndpointFunction.Msi + 8, 2);
        space.WriteDword(EndpointFunction.Msi + 12, 0x4020);
        space.WriteDword(EndpointFunction.Msi + 16, 0x80);
        space.WriteWord(EndpointFunction.Msix + 2, 0x8000);
        space.WriteWord(EndpointFunction.DeviceControl, 0x5020);
        byte[] header = [0x20, 0x00, 0x00, 0x01, 0x01, 0x00, 0x05, 0x0F, 0, 0, 0, 1, 0xFE, 0xB0, 0, 0];
        space.AdvancedErrorReporting!.RecordUncorrectable(UncorrectableError.CompletionTimeout, header);
        space.WriteWord(EndpointFunction.DeviceStatus, 0x0001);

        string decoded = Lspci.Decode(Dump(space));
        Assert.Multiple(() =>
        {
            foreach (string expected in s_expected)
            {
                Assert.That(decoded, Does.Contain(expected));
            }
        });
    }

    private static string Dump(ConfigSpace space)
    {
        byte[] all = space.ReadAll();
        var dump = new StringBuilder("00:00.0 device under test\n");
        for (int i = 0; i < all.Length; i += 16)
        {
            dump.Append(CultureInfo.InvariantCulture, $"{i:x3}:");
            foreach (byte value in all.AsSpan(i, 16))
            {
                dump.Append(CultureInfo.InvariantCulture, $" {value:x2}");
            }
            dump.Append('\n');
        }
        return dump.ToString();
    }
}
