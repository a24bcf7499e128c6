namespace EpfTest.Unit.Pcie.Tlp;

/// <summary>
/// TLPs that an implementation we did not write has encoded: alexforencich/cocotbext-pcie at commit 92732edd2d8c,
/// <c>cocotbext/pcie/core/tlp.py</c>. A one-off Python script set the fields of its class Tlp to random values
/// (seed 2023), called <c>set_addr_be_data()</c>, <c>check()</c> and <c>pack()</c>, and printed the fields and the
/// bytes. Numbers are decimal, bytes hexadecimal. It encodes no messages.
/// </summary>
internal static class CocotbextVectors
{
    public static readonly (string Fields, string Bytes)[] All =
    [
        (
            "kind=MRd dw=3 tc=5 attr=1 ep=0 at=2 length=1 req=50406 " +
            "tag=655 fbe=14 lbe=0 addr=3369350352 byteaddr=3369350353 bytes=3",
            "00d01801c4e68f0ec8d434d0"),
        (
            "kind=MRd dw=3 tc=3 attr=5 ep=0 at=0 length=8 req=23410 " +
            "tag=34 fbe=12 lbe=7 addr=167126388 byteaddr=167126390 bytes=29",
            "003410085b72227c09f62574"),
        (
            "kind=MRd dw=3 tc=0 attr=1 ep=0 at=2 length=143 req=8487 " +
            "tag=1020 fbe=8 lbe=3 addr=2459103804 byteaddr=2459103807 bytes=567",
            "0088188f2127fc389292f23c"),
        (
            "kind=MRd dw=4 tc=3 attr=4 ep=0 at=1 length=2 req=50931 " +
            "tag=373 fbe=8 lbe=7 addr=16089258307914154340 byteaddr=16089258307914154343 bytes=4",
            "203c0402c6f37578df48872fbeb9c164"),
        (
            "kind=MRd dw=4 tc=4 attr=2 ep=0 at=2 length=9 req=53156 " +
            "tag=653 fbe=15 lbe=15 addr=2937076235788067408 byteaddr=2937076235788067408 bytes=36",
            "20c02809cfa48dff28c297467063a250"),
        (
            "kind=MRd dw=4 tc=2 attr=0 ep=0 at=2 length=194 req=45368 " +
            "tag=560 fbe=14 lbe=1 addr=5191460562198279880 byteaddr=5191460562198279881 bytes=772",
            "20a008c2b138301e480bc5e0334736c8"),
        (
            "kind=MRdLk dw=3 tc=5 attr=1 ep=0 at=1 length=2 req=64217 " +
            "tag=643 fbe=14 lbe=1 addr=4147851128 byteaddr=4147851129 bytes=4",
            "01d01402fad9831ef73b2f78"),
        (
            "kind=MRdLk dw=3 tc=3 attr=5 ep=0 at=0 length=2 req=50808 " +
            "tag=879 fbe=12 lbe=7 addr=3694546644 byteaddr=3694546646 bytes=5",
            "01bc1002c6786f7cdc364ed4"),
        (
            "kind=MRdLk dw=3 tc=4 attr=0 ep=0 at=0 length=706 req=23435 " +
            "tag=87 fbe=8 lbe=7 addr=1587975340 byteaddr=1587975343 bytes=2820",
            "014002c25b8b57785ea694ac"),
        (
            "kind=MRdLk dw=4 tc=3 attr=3 ep=0 at=0 length=1 req=16012 " +
            "tag=82 fbe=6 lbe=0 addr=6641800536661246280 byteaddr=6641800536661246281 bytes=2",
            "213030013e8c52065c2c6a65f8b14148"),
        (
            "kind=MRdLk dw=4 tc=4 attr=3 ep=0 at=2 length=8 req=30531 " +
            "tag=253 fbe=15 lbe=7 addr=882012609040580392 byteaddr=882012609040580392 bytes=31",
            "214038087743fd7f0c3d89cb79477f28"),
        (
            "kind=MRdLk dw=4 tc=1 attr=0 ep=0 at=1 length=393 req=27158 " +
            "tag=344 fbe=8 lbe=3 addr=15173113379914387936 byteaddr=15173113379914387939 bytes=1567",
            "211805896a165838d291ba3a7a8611e0"),
        (
            "kind=MWr dw=3 tc=7 attr=2 ep=0 at=1 length=1 req=4545 " +
            "tag=817 fbe=8 lbe=0 addr=933235272 byteaddr=933235275 bytes=1",
            "40f8240111c1310837a00a48000000b7"),
        (
            "kind=MWr dw=3 tc=6 attr=6 ep=1 at=2 length=5 req=64728 " +
            "tag=432 fbe=14 lbe=3 addr=2116149744 byteaddr=2116149745 bytes=17",
            "406c6805fcd8b03e7e21e1f0009f4678e187e3a620db83053c93032b75240000"),
        (
            "kind=MWr dw=3 tc=6 attr=2 ep=0 at=0 length=2 req=30268 " +
            "tag=666 fbe=15 lbe=3 addr=2363371268 byteaddr=2363371268 bytes=6",
            "40e02002763c9a3f8cde2f04c80901e441c30000"),
        (
            "kind=MWr dw=4 tc=1 attr=7 ep=0 at=2 length=1 req=35297 " +
            "tag=235 fbe=12 lbe=0 addr=2100113191235656588 byteaddr=2100113191235656590 bytes=2",
            "6014380189e1eb0c1d2519d20fb69b8c0000e596"),
        (
            "kind=MWr dw=4 tc=4 attr=5 ep=1 at=1 length=5 req=36843 " +
            "tag=710 fbe=14 lbe=3 addr=13799854219398075516 byteaddr=13799854219398075517 bytes=17",
            "60c454058febc63ebf82ee4c3b65d47c00dd63b94db6ed322355251185c0844483360000"),
        (
            "kind=MWr dw=4 tc=7 attr=3 ep=0 at=1 length=6 req=21437 " +
            "tag=300 fbe=15 lbe=3 addr=12095148018369480752 byteaddr=12095148018369480752 bytes=22",
            "6078340653bd2c3fa7da990a34aec83002e205afa54a7d433b84da08424edbf654b2d3f6e3590000"),
        (
            "kind=IORd dw=3 tc=0 attr=0 ep=0 at=0 length=1 req=61401 " +
            "tag=485 fbe=12 lbe=0 addr=934781184 byteaddr=934781186 bytes=2",
            "02080001efd9e50c37b7a100"),
        (
            "kind=IORd dw=3 tc=0 attr=0 ep=0 at=0 length=1 req=37769 " +
            "tag=681 fbe=4 lbe=0 addr=3209687720 byteaddr=3209687722 bytes=1",
            "028000019389a904bf4ff2a8"),
        (
            "kind=IORd dw=3 tc=0 attr=0 ep=0 at=0 length=1 req=56648 " +
            "tag=194 fbe=12 lbe=0 addr=2139898536 byteaddr=2139898538 bytes=2",
            "02000001dd48c20c7f8c42a8"),
        (
            "kind=IOWr dw=3 tc=0 attr=0 ep=0 at=0 length=1 req=29207 " +
            "tag=512 fbe=7 lbe=0 addr=2371181452 byteaddr=2371181452 bytes=3",
            "42800001721700078d555b8c955cf600"),
        (
            "kind=IOWr dw=3 tc=0 attr=0 ep=0 at=0 length=1 req=64091 " +
            "tag=93 fbe=14 lbe=0 addr=177896496 byteaddr=177896497 bytes=3",
            "42000001fa5b5d0e0a9a7c3000cb4dad"),
        (
            "kind=IOWr dw=3 tc=0 attr=0 ep=0 at=0 length=1 req=21660 " +
            "tag=787 fbe=15 lbe=0 addr=3684488080 byteaddr=3684488080 bytes=4",
            "42880001549c130fdb9cd3906d34fca8"),
        (
            "kind=CfgRd0 dw=3 tc=0 attr=0 ep=0 at=0 length=1 req=60317 " +
            "tag=858 fbe=3 lbe=0 addr=1804 byteaddr=1804 bytes=2 dst=43071",
            "04880001eb9d5a03a83f070c"),
        (
            "kind=CfgRd0 dw=3 tc=0 attr=0 ep=0 at=0 length=1 req=5571 " +
            "tag=422 fbe=4 lbe=0 addr=1172 byteaddr=1174 bytes=1 dst=61280",
            "0408000115c3a604ef600494"),
        (
            "kind=CfgRd0 dw=3 tc=0 attr=0 ep=0 at=0 length=1 req=28239 " +
            "tag=258 fbe=3 lbe=0 addr=1508 byteaddr=1508 bytes=2 dst=24064",
            "040800016e4f02035e0005e4"),
        (
            "kind=CfgWr0 dw=3 tc=0 attr=0 ep=0 at=0 length=1 req=34381 " +
            "tag=945 fbe=15 lbe=0 addr=368 byteaddr=368 bytes=4 dst=25145",
            "44880001864db10f62390170334d0945"),
        (
            "kind=CfgWr0 dw=3 tc=0 attr=0 ep=0 at=0 length=1 req=61331 " +
            "tag=879 fbe=4 lbe=0 addr=920 byteaddr=922 bytes=1 dst=28815",
            "44880001ef936f04708f039800002e00"),
        (
            "kind=CfgWr0 dw=3 tc=0 attr=0 ep=0 at=0 length=1 req=55720 " +
            "tag=287 fbe=15 lbe=0 addr=4084 byteaddr=4084 bytes=4 dst=55846",
            "44080001d9a81f0fda260ff49715f17f"),
        (
            "kind=CfgRd1 dw=3 tc=0 attr=0 ep=0 at=0 length=1 req=59078 " +
            "tag=636 fbe=3 lbe=0 addr=3024 byteaddr=3024 bytes=2 dst=35379",
            "05800001e6c67c038a330bd0"),
        (
            "kind=CfgRd1 dw=3 tc=0 attr=0 ep=0 at=0 length=1 req=14106 " +
            "tag=626 fbe=15 lbe=0 addr=3404 byteaddr=3404 bytes=4 dst=41573",
            "05800001371a720fa2650d4c"),
        (
            "kind=CfgRd1 dw=3 tc=0 attr=0 ep=0 at=0 length=1 req=26729 " +
            "tag=449 fbe=8 lbe=0 addr=2556 byteaddr=2559 bytes=1 dst=1361",
            "050800016869c108055109fc"),
        (
            "kind=CfgWr1 dw=3 tc=0 attr=0 ep=0 at=0 length=1 req=51375 " +
            "tag=1001 fbe=4 lbe=0 addr=640 byteaddr=642 bytes=1 dst=61882",
            "45880001c8afe904f1ba02800000cd00"),
        (
            "kind=CfgWr1 dw=3 tc=0 attr=0 ep=0 at=0 length=1 req=45845 " +
            "tag=964 fbe=15 lbe=0 addr=3688 byteaddr=3688 bytes=4 dst=17229",
            "45880001b315c40f434d0e680464d1ed"),
        (
            "kind=CfgWr1 dw=3 tc=0 attr=0 ep=0 at=0 length=1 req=43172 " +
            "tag=282 fbe=12 lbe=0 addr=3320 byteaddr=3322 bytes=2 dst=13212",
            "45080001a8a41a0c339c0cf80000f32b"),
        (
            "kind=FetchAdd dw=3 tc=6 attr=7 ep=0 at=0 length=1 req=48497 " +
            "tag=474 addr=2880677612",
            "4c6c3001bd71da00abb3a6ec3e1ce927"),
        (
            "kind=FetchAdd dw=3 tc=0 attr=1 ep=0 at=0 length=1 req=61303 " +
            "tag=851 addr=1528153496",
            "4c881001ef7753005b15c598b386256e"),
        (
            "kind=FetchAdd dw=3 tc=3 attr=7 ep=0 at=0 length=2 req=6090 " +
            "tag=600 addr=1260607688",
            "4cb4300217ca58004b2358c8d8dd404b402c90e2"),
        (
            "kind=FetchAdd dw=4 tc=3 attr=2 ep=0 at=0 length=2 req=57767 " +
            "tag=248 addr=3040481887919597752",
            "6c302002e1a7f8002a31f62afb74e8b8f8e64f9b0bdbe874"),
        (
            "kind=FetchAdd dw=4 tc=2 attr=5 ep=0 at=0 length=2 req=47260 " +
            "tag=195 addr=1261905154566084736",
            "6c241002b89cc3001183300d5e25588028b9567dfd892a40"),
        (
            "kind=FetchAdd dw=4 tc=0 attr=6 ep=0 at=0 length=2 req=2847 " +
            "tag=647 addr=2843327437373297768",
            "6c8420020b1f87002775873d5cc1d468f37cf1c48102d590"),
        (
            "kind=Swap dw=3 tc=3 attr=1 ep=0 at=0 length=2 req=50571 " +
            "tag=705 addr=2355780936",
            "4db01002c58bc1008c6a5d48501b38196a97303a"),
        (
            "kind=Swap dw=3 tc=3 attr=3 ep=0 at=0 length=2 req=10592 " +
            "tag=156 addr=968374592",
            "4d30300229609c0039b83940b9c4d8ddecf4a12a"),
        (
            "kind=Swap dw=3 tc=0 attr=7 ep=0 at=0 length=1 req=49088 " +
            "tag=770 addr=42729124",
            "4d8c3001bfc00200028bfea4bb66742d"),
        (
            "kind=Swap dw=4 tc=1 attr=4 ep=0 at=0 length=1 req=15867 " +
            "tag=164 addr=3120726274426997712",
            "6d1400013dfba4002b4f0c0324730bd0c5db1dc7"),
        (
            "kind=Swap dw=4 tc=6 attr=3 ep=0 at=0 length=1 req=35222 " +
            "tag=585 addr=15428630304305942308",
            "6de0300189964900d61d818472fb8f2449d4711f"),
        (
            "kind=Swap dw=4 tc=3 attr=5 ep=0 at=0 length=2 req=20354 " +
            "tag=44 addr=6685405926786631880",
            "6d3410024f822c005cc75545056888c8d192688134d778fb"),
        (
            "kind=Cas dw=3 tc=5 attr=2 ep=0 at=0 length=8 req=44508 " +
            "tag=753 addr=3499559472",
            "4ed02008addcf100d0970a3030d3e99cb39cfb974755d89158ec3894023301eca2eb2c30f8af1f9d34bb49c1"),
        (
            "kind=Cas dw=3 tc=2 attr=2 ep=0 at=0 length=4 req=8550 " +
            "tag=21 addr=3294239776",
            "4e20200421661500c45a1c205316425117308c8a13cf24bbc65f90b4"),
        (
            "kind=Cas dw=3 tc=1 attr=4 ep=0 at=0 length=8 req=29545 " +
            "tag=923 addr=623110448",
            "4e9c000873699b002523e9301aa51abc97dbaf903b8bd32f717a644e33b7828ab7de781a2e46da0802925176"),
        (
            "kind=Cas dw=4 tc=2 attr=0 ep=0 at=0 length=2 req=28595 " +
            "tag=815 addr=10826477602342216652",
            "6ea800026fb32f00963f6004a854a3cc4c818c951a7f50d4"),
        (
            "kind=Cas dw=4 tc=4 attr=6 ep=0 at=0 length=8 req=9797 " +
            "tag=998 addr=6085493802994696160",
            "6ecc20082645e6005474045f1a56ffe0693c8d5d0f1e82fd5161d1a47202169571642d213e8ff067805828f5b62702c2"),
        (
            "kind=Cas dw=4 tc=1 attr=6 ep=0 at=0 length=4 req=49811 " +
            "tag=388 addr=9963539149861099680",
            "6e1c2004c29384008a459a11552b18a0f555aacfe1289d56834c6f4c517029f0"),
        (
            "kind=Cpl dw=3 tc=0 attr=7 ep=0 at=0 length=0 req=61332 " +
            "tag=763 cpl=5524 status=1 bc=1037 la=92",
            "0a8430001594240def94fb5c"),
        (
            "kind=Cpl dw=3 tc=0 attr=3 ep=0 at=0 length=0 req=64909 " +
            "tag=680 cpl=2608 status=4 bc=4096 la=0",
            "0a8030000a308000fd8da800"),
        (
            "kind=Cpl dw=3 tc=1 attr=5 ep=0 at=0 length=0 req=20626 " +
            "tag=556 cpl=54145 status=0 bc=4 la=0",
            "0a941000d381000450922c00"),
        (
            "kind=CplD dw=3 tc=3 attr=1 ep=0 at=0 length=1 req=56025 " +
            "tag=820 cpl=48047 status=0 bc=4 la=0",
            "4ab81001bbaf0004dad934002310c97c"),
        (
            "kind=CplD dw=3 tc=4 attr=6 ep=1 at=0 length=1 req=37974 " +
            "tag=0 cpl=16663 status=0 bc=1 la=8",
            "4a446001411700019456000808cc8d41"),
        (
            "kind=CplD dw=3 tc=5 attr=0 ep=0 at=0 length=16 req=28991 " +
            "tag=974 cpl=37535 status=0 bc=4096 la=64",
            "4ad80010929f0000713fce4083270c3ff93b7a1247cebbc024130990ea5880757bb0d5cfaaddd6089a582805f56fa784" +
            "95e2c35147697e2ac8d5a4259ecedade494b0fd38352e37278e79074"),
        (
            "kind=CplLk dw=3 tc=5 attr=4 ep=0 at=0 length=0 req=40688 " +
            "tag=39 cpl=7500 status=1 bc=1832 la=106",
            "0b5400001d4c27289ef0276a"),
        (
            "kind=CplLk dw=3 tc=6 attr=6 ep=0 at=0 length=0 req=55208 " +
            "tag=644 cpl=9802 status=4 bc=4096 la=0",
            "0be42000264a8000d7a88400"),
        (
            "kind=CplLk dw=3 tc=1 attr=0 ep=0 at=0 length=0 req=2797 " +
            "tag=67 cpl=12091 status=0 bc=4 la=0",
            "0b1000002f3b00040aed4300"),
        (
            "kind=CplDLk dw=3 tc=4 attr=6 ep=0 at=0 length=1 req=13936 " +
            "tag=889 cpl=18963 status=0 bc=4 la=0",
            "4bcc20014a13000436707900c798f26c"),
        (
            "kind=CplDLk dw=3 tc=0 attr=0 ep=1 at=0 length=10 req=42255 " +
            "tag=654 cpl=44612 status=0 bc=38 la=33",
            "4b80400aae440026a50f8e21e0ebac12c4c03aeaff98c9fdbe46c8d7b28418d3d1d0de07742ebed6dade2e3ff312f17a" +
            "85bbceb8"),
        (
            "kind=CplDLk dw=3 tc=5 attr=7 ep=0 at=0 length=16 req=16398 " +
            "tag=213 cpl=39536 status=0 bc=4096 la=64",
            "4b5430109a700000400ed540450b9a122f003dbbdd75c2257ea72f2787da072872987af538e5e56ff7cc33aece14b89e" +
            "836e006e9e63433d4d284f222946a6221386bfcaece0639474ccc792"),
    ];
}
