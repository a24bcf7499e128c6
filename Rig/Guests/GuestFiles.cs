namespace EpfTest.Rig.Guests;

/// <summary>The files of one guest in the folder of a run.</summary>
internal sealed class GuestFiles
{
    /// <summary>Makes the folder and empty files; removes what was there.</summary>
    public GuestFiles(string folder)
    {
        Folder = folder;
        Directory.CreateDirectory(folder);
        foreach (string old in Directory.EnumerateFiles(folder))
        {
            File.Delete(old);
        }

        Console = Path.Combine(folder, "console.log");
        Result = Path.Combine(folder, "result.log");
        QemuLog = Path.Combine(folder, "qemu.log");
        File.WriteAllText(Console, "");
        File.WriteAllText(Result, "");
        File.WriteAllText(QemuLog, "");
    }

    public string Folder { get; }

    /// <summary>What the kernel prints.</summary>
    public string Console { get; }

    /// <summary>What the script prints.</summary>
    public string Result { get; }

    /// <summary>What QEMU prints.</summary>
    public string QemuLog { get; }

    /// <summary>Has one of the files elsewhere, and a link to it here.</summary>
    /// <param name="file">One of the files.</param>
    /// <param name="elsewhere">Its path, absolute or seen from the folder.</param>
    public void Move(string file, string elsewhere)
    {
        File.Delete(file);
        File.WriteAllText(Path.Combine(Folder, elsewhere), "");
        File.CreateSymbolicLink(file, elsewhere);
    }
}
