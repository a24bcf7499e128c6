using System.Diagnostics;
using EpfTest.Kit;

namespace EpfTest.Pair.Scripts;

/// <summary>scripts/lib/kernel.sh: what a developer's own kernel may look like.</summary>
internal sealed class KernelSourceTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(1);

    private TemporaryFolder _folder = null!;

    private string Tree => _folder.File("linux");

    private string Cache => _folder.File("cache");

    /// <summary>Where the copy of the tree is.</summary>
    private string Copy => Directory.GetDirectories(Cache, "source", SearchOption.AllDirectories).Single();

    [SetUp]
    public void MakeTree()
    {
        _folder = new TemporaryFolder();
        Directory.CreateDirectory(Cache);
        Write("Kbuild", "");
        Write("Makefile", "# a kernel's");
        Write("arch/x86/Kconfig", "");
        Write("drivers/a b.c", "first");
        Write(".gitignore", ".*\n*.o\n!.gitignore\n/include/config/\n");
    }

    [TearDown]
    public void RemoveTree() => _folder.Dispose();

    [Test]
    public void CleanTreeIsBuiltAsItIs() => Assert.That(Build(), Is.EqualTo($"built {Tree}"));

    /// <summary>The kernel's make refuses to build outside a tree that was built in.</summary>
    [TestCase(true)]
    [TestCase(false)]
    public void TreeThatWasBuiltInIsCopiedWithoutWhatWasBuilt(bool git)
    {
        if (git)
        {
            Bash("cd \"$1\" && git init -q . && git add -A && git -c user.name=n -c user.email=n@n commit -qm first");
        }

        Write(".config", "CONFIG_64BIT=y");
        Write("drivers/a b.o", "object");
        Write("include/config/auto.conf", "");
        Write("drivers/new.c", "not committed");
        Write("drivers/a b.c", "edited");
        Assert.That(Build(), Is.EqualTo($"built {Copy}"));
        Assert.That(FilesOfCopy(), Is.EqualTo(
            ".gitignore Kbuild Makefile arch/x86/Kconfig drivers/a b.c drivers/new.c"));
        Assert.That(File.ReadAllText(Path.Combine(Copy, "drivers/a b.c")), Is.EqualTo("edited"));
        Assert.That(File.Exists(Path.Combine(Tree, ".config")), Is.True, "the tree itself is left alone");

        // The next build finds what has changed since, and takes nothing else for changed.
        DateTime before = File.GetLastWriteTimeUtc(Path.Combine(Copy, "Makefile"));
        File.Delete(Path.Combine(Tree, "drivers/new.c"));
        Write("drivers/a b.c", "edited again");
        File.SetLastWriteTimeUtc(Path.Combine(Tree, "drivers/a b.c"), DateTime.UtcNow.AddSeconds(5));
        Build();
        Assert.That(FilesOfCopy(), Is.EqualTo(".gitignore Kbuild Makefile arch/x86/Kconfig drivers/a b.c"));
        Assert.That(File.ReadAllText(Path.Combine(Copy, "drivers/a b.c")), Is.EqualTo("edited again"));
        Assert.That(File.GetLastWriteTimeUtc(Path.Combine(Copy, "Makefile")), Is.EqualTo(before));
    }

    [Test]
    public void ReleaseIsReadFromTheImagesHeader()
    {
        byte[] image = new byte[1 << 20];
        "HdrS"u8.CopyTo(image.AsSpan(0x202));
        BitConverter.TryWriteBytes(image.AsSpan(0x20e), (ushort)0x3000);
        "9.8.7-ours (me@here) #1 SMP"u8.CopyTo(image.AsSpan(0x3200));
        File.WriteAllBytes(_folder.File("bzImage"), image);
        Assert.That(Bash($"image_release '{_folder.File("bzImage")}'").Output, Is.EqualTo("9.8.7-ours"));

        (int status, _, string errors) = Bash($"take_kernel_image '{_folder.File("bzImage")}'");
        Assert.That(status, Is.EqualTo(1));
        Assert.That(errors, Does.Contain("the modules of kernel 9.8.7-ours were not found: give --kernel-modules DIR"));
    }

    [Test]
    public void FileThatIsNoKernelIsRefused()
    {
        Write("vmlinux", "\u007fELF");
        (int status, _, string errors) = Bash($"take_kernel_image '{Path.Combine(Tree, "vmlinux")}'");
        Assert.That(status, Is.EqualTo(1));
        Assert.That(errors, Does.Contain("vmlinux: not a bzImage"));
    }

    private void Write(string name, string text)
    {
        string path = Path.Combine(Tree, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }

    private string FilesOfCopy() => string.Join(
        ' ',
        Directory.GetFiles(Copy, "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Copy, file))
            .Order(StringComparer.Ordinal));

    /// <summary>Has the tree built, up to the point at which make would be called.</summary>
    private string Build()
    {
        (int status, string output, string errors) = Bash(
            "make_kernel() { echo \"built $1\"; }; need_kernel_tools() { :; }; build_kernel_from_tree \"$1\"");
        Assert.That(status, Is.Zero, errors);
        return output;
    }

    private (int Status, string Output, string Errors) Bash(string script)
    {
        string libraries = Path.Combine(Repository.Root, "scripts", "lib");
        var start = new ProcessStartInfo("bash")
        {
            ArgumentList =
            {
                "-c",
                $"set -euo pipefail; . '{libraries}/common.sh'; . '{libraries}/kernel.sh'; "
                    + $"KERNEL_FRAGMENTS=(); {script}",
                "bash",
                Tree,
            },
            Environment = { ["XDG_CACHE_HOME"] = Cache },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(s_limit))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"bash was not done after {s_limit}");
        }

        return (process.ExitCode, output.Result.Trim(), errors.Result);
    }
}
