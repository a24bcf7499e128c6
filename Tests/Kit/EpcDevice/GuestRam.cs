using EpfTest.Protocol.Linux;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;

namespace EpfTest.Kit.EpcDevice;

/// <summary>A memory file sealed as QEMU's are, so that it gets mapped.</summary>
internal sealed unsafe class GuestRam : IDisposable
{
    private readonly SafeFileHandle _file;

    public GuestRam(long size)
    {
        fixed (byte* name = "ep-ram\0"u8)
        {
            Descriptor = new FileDescriptor(LibC.memfd_create(name, LibC.MFD_CLOEXEC | LibC.MFD_ALLOW_SEALING));
        }

        _file = new SafeFileHandle(Descriptor.Number, ownsHandle: false);
        Assert.That(LibC.ftruncate(Descriptor.Number, size), Is.Zero);
        Assert.That(LibC.fcntl(Descriptor.Number, LibC.F_ADD_SEALS, LibC.F_SEAL_SHRINK), Is.Zero);
    }

    public FileDescriptor Descriptor { get; }

    public byte[] Read(long offset, int count)
    {
        byte[] bytes = new byte[count];
        Assert.That(RandomAccess.Read(_file, bytes, offset), Is.EqualTo(count));
        return bytes;
    }

    public void Write(long offset, ReadOnlySpan<byte> bytes) => RandomAccess.Write(_file, bytes, offset);

    public void Dispose()
    {
        _file.Dispose();
        Descriptor.Dispose();
    }
}
