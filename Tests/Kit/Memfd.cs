using EpfTest.Protocol.Linux;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;

namespace EpfTest.Kit;

/// <summary>A memory file as QEMU shares its guest's memory with; sealed like QEMU's unless asked otherwise.</summary>
internal sealed unsafe class Memfd : IDisposable
{
    private readonly SafeFileHandle _file;

    private Memfd(FileDescriptor descriptor)
    {
        Descriptor = descriptor;
        _file = new SafeFileHandle(descriptor.Number, ownsHandle: false);
    }

    public FileDescriptor Descriptor { get; }

    public static Memfd Create(long size, bool canShrink = false)
    {
        fixed (byte* name = "epftest\0"u8)
        {
            var memfd = new Memfd(
                new FileDescriptor(LibC.memfd_create(name, LibC.MFD_CLOEXEC | LibC.MFD_ALLOW_SEALING)));
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

    public void Write(long offset, ReadOnlySpan<byte> bytes) => RandomAccess.Write(_file, bytes, offset);

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
