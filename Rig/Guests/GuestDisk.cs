namespace EpfTest.Rig.Guests;

/// <summary>A disk image with a system of its own, which runs a script of ours if it has our agent.</summary>
/// <param name="Image">The image, raw or qcow2. It is not written to.</param>
/// <param name="Script">What the guest is to run.</param>
/// <param name="Agent">What runs the script and reports its status: guest/disk-agent.</param>
internal sealed record GuestDisk(string Image, string Script, string Agent)
{
    // systemd 256 and later take units from SMBIOS strings (systemd.system-credentials(7)): an image needs none.
    private const string Unit = """
        [Unit]
        Description=EpfTest's script
        After=systemd-udev-settle.service

        [Service]
        Type=oneshot
        ExecStartPre=-modprobe qemu_fw_cfg
        ExecStart=/bin/sh /sys/firmware/qemu_fw_cfg/by_name/opt/epftest/agent/raw

        """;

    private const string DropIn = "[Unit]\nWants=epftest.service\n";

    /// <summary>The arguments of QEMU. The files are in the guest at
    /// /sys/firmware/qemu_fw_cfg/by_name/opt/epftest/.</summary>
    public IReadOnlyList<string> Arguments =>
    [
        "-drive", $"if=none,id=disk,snapshot=on,file={Image.Replace(",", ",,", StringComparison.Ordinal)}",
        "-device", "virtio-blk-pci,drive=disk,bootindex=0",
        "-fw_cfg", $"name=opt/epftest/run,file={Script.Replace(",", ",,", StringComparison.Ordinal)}",
        "-fw_cfg", $"name=opt/epftest/agent,file={Agent.Replace(",", ",,", StringComparison.Ordinal)}",
        "-smbios", Credential("systemd.extra-unit.epftest.service", Unit),
        "-smbios", Credential("systemd.unit-dropin.multi-user.target", DropIn),
    ];

    private static string Credential(string name, string text) =>
        $"type=11,value=io.systemd.credential.binary:{name}="
            + Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(text));
}
