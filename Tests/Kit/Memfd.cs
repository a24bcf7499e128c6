using EpfTest.Protocol.Linux;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;

namespace EpfTest.Kit;

/// <summary>A memory file as QEMU shares its guest's memory with; sealed like QEMU's unless asked otherwise.</summary>
internal sealed unsafe class Memfd : IDisposable
{
    // The C library's header has these (memfd_create(2)); Tmds.Linux does not.
    private const uint InHugePages = 4;

    private readonly SafeFileHandle _file;
    private readonly bool _isHuge;

    private Memfd(FileDescriptor descriptor, bool isHuge)
    {
        _isHuge = isHuge;
        Descriptor = descriptor;
        _file = new SafeFileHandle(descriptor.Number, ownsHandle: false);
    }

    public FileDescriptor Descriptor { get; }

    public long Length => RandomAccess.GetLength(_file);

    /// <summary>Creates a file.</summary>
    /// <param name="size">Bytes.</param>
    /// <param name="canShrink">Whether it is not sealed.</param>
    /// <param name="huge">Whether it is in huge pages (<see cref="HugePages"/>), as with hugetlb=on; nothing reserves
    /// them yet.</param>
    public static Memfd Create(long size, bool canShrink = false, bool huge = false)
    {
        fixed (byte* name = "epftest\0"u8)
        {
            uint flags = LibC.MFD_CLOEXEC | LibC.MFD_ALLOW_SEALING | (huge ? InHugePages : 0);
            int descriptor = LibC.memfd_create(name, flags);
            Check(descriptor, "create a memfd");
            var memfd = new Memfd(new FileDescriptor(descriptor), huge);
            memfd.Resize(size);
            if (!canShrink)
            {
                Check(LibC.fcntl(memfd.Descriptor.Number, LibC.F_ADD_SEALS, LibC.F_SEAL_SHRINK), "seal a memfd");
            }

            return memfd;
        }
    }

    public FileDescriptor OpenReadOnly()
    {
        fixed (byte* path = System.Text.Encoding.UTF8.GetBytes($"/proc/self/fd/{Descriptor.Number}\0"))
        {
            int descriptor = LibC.open(path, LibC.O_RDONLY | LibC.O_CLOEXEC);
            Check(descriptor, "open a memfd again");
            return new FileDescriptor(descriptor);
        }
    }

    public void Resize(long size) => Check(LibC.ftruncate(Descriptor.Number, size), "resize a memfd");

    public byte[] Read(long offset, int count)
    {
        byte[] bytes = new byte[count];
        int read = RandomAccess.Read(_file, bytes, offset);
        return read == count ? bytes : throw new EndOfStreamException();
    }

    public void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        if (!_isHuge)
        {
            RandomAccess.Write(_file, bytes, offset);
            return;
        }

        // There is no write(2) to huge pages.
        size_t length = (int)Length;
        void* all = LibC.mmap(null, length, LibC.PROT_READ | LibC.PROT_WRITE, LibC.MAP_SHARED, Descriptor.Number, 0);
        Check(all == LibC.MAP_FAILED ? -1 : 0, "map a memfd");
        bytes.CopyTo(new Span<byte>((byte*)all + offset, bytes.Length));
        Check(LibC.munmap(all, length), "unmap a memfd");
    }

    public void Dispose()
    {
        _file.Dispose();
        Descriptor.Dispose();
    }

    private static void Check(int result, string action)
    {
        if (result < 0)
        {
            throw LinuxException.FromLastError(action);
        }
    }
}
