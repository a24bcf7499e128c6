namespace EpfTest.Rig.Guests;

/// <summary>The command line of a guest's QEMU.</summary>
internal static class QemuCommandLine
{
    /// <summary>All of it but the serial ports, which depend on who sees the console.</summary>
    public static IReadOnlyList<string> Build(GuestSpec guest, QemuConfigs configs, string processorInfo)
    {
        List<string> words =
        [
            guest.System.Qemu.Path,
            .. configs.Words("machine.args"),
            "-m", guest.Memory,
            "-smp", $"{guest.Processors}",
            "-accel", guest.System.Accelerator,
        ];
        if (!guest.System.IsTranslated)
        {
            words.AddRange(["-cpu", "host"]);
        }

        if (guest.MemoryKind != GuestMemory.Private)
        {
            string huge = guest.MemoryKind == GuestMemory.Huge ? ",hugetlb=on" : "";
            words.AddRange(
            [
                "-object", $"memory-backend-memfd,id=mem,size={guest.Memory},share=on{huge}",
                "-machine", "memory-backend=mem",
            ]);
        }

        if (guest.HasIommu)
        {
            words.AddRange(configs.Words("iommu.args"));
        }

        for (int port = 0; port < guest.RootPorts; port++)
        {
            words.AddRange(configs.Words("root-port.args", ("N", $"{port}")));
        }

        words.AddRange(guest.Disk is { } disk
            ? disk.Arguments
            :
            [
                "-kernel", guest.System.Kernel.Image,
                "-initrd", guest.Image,
                "-append", string.Join(' ', KernelWords(guest, configs, processorInfo)),
            ]);
        words.AddRange(guest.Arguments);
        return words;
    }

    /// <summary>The serial ports of a guest that runs by itself: the console goes to a file, the script's channel is a
    /// socket at which somebody listens.</summary>
    public static IReadOnlyList<string> Unattended(string console, string scriptSocket) =>
    [
        "-chardev", $"file,id=console,path={console},append=on", "-serial", "chardev:console",
        "-chardev", $"socket,id=script,path={scriptSocket}", "-serial", "chardev:script",
    ];

    /// <summary>The serial port of a guest whose console is the terminal.</summary>
    public static IReadOnlyList<string> OnTerminal(string console) =>
    [
        "-chardev", $"stdio,id=console,mux=on,signal=off,logfile={console}",
        "-serial", "chardev:console", "-mon", "chardev=console,mode=readline",
    ];

    /// <summary>A -device, with a root port as its bus if it is a vfio-user-pci device without a bus.</summary>
    public static string OnRootPort(int port, string device) => device switch
    {
        _ when device.Contains("\"bus\"", StringComparison.Ordinal)
            || device.Contains(",bus=", StringComparison.Ordinal) => device,
        _ when device.StartsWith('{') && device.Contains("\"vfio-user-pci\"", StringComparison.Ordinal) =>
            $"{{\"bus\":\"rp{port}\",{device[1..]}",
        _ when device.StartsWith("vfio-user-pci,", StringComparison.Ordinal) => $"{device},bus=rp{port}",
        _ => device,
    };

    private static IEnumerable<string> KernelWords(GuestSpec guest, QemuConfigs configs, string processorInfo) =>
    [
        .. configs.Words("kernel.args"),
        .. guest.System.IsTranslated
            ? ClockWords.Of(File.ReadAllText(guest.System.Kernel.Configuration), processorInfo)
            : [],
        .. guest.KernelWords,
    ];
}
