using System.Runtime.InteropServices;
using Tmds.Linux;

namespace EpfTest.Protocol.Linux;

/// <summary>What Tmds.Linux lacks for mapped files.</summary>
internal static unsafe partial class FileMapping
{
    // include/uapi/linux/magic.h
    private const nint HugePageFileSystem = unchecked((int)0x958458f6);

    /// <summary>Bytes of a page of a mapping: offset and length of one are multiples of it.</summary>
    /// <param name="descriptor">An open file.</param>
    public static ulong PageSizeOf(int descriptor)
    {
        // struct statfs of Linux on 64-bit machines has 120 bytes: f_type, f_bsize, and what is not asked here.
        const int Length = 256;
        nint* status = stackalloc nint[Length / sizeof(nint)];
        bool isHuge = FileSystemStatus(descriptor, status) == 0 && (int)status[0] == HugePageFileSystem;
        return isHuge ? (ulong)status[1] : (ulong)Environment.SystemPageSize;
    }

    /// <summary>
    /// Stores bytes through a mapping where a store of ours could end the process (SIGBUS), and write(2) does not
    /// exist, as in huge pages.
    /// </summary>
    /// <param name="destination">In a mapping for writing that has source.Length bytes there.</param>
    /// <param name="source">The bytes.</param>
    /// <returns><see cref="Errno.EFAULT"/> where the file has no memory (any more).</returns>
    public static Errno Store(byte* destination, ReadOnlySpan<byte> source)
    {
        // In bounds: both vectors have the length of source.
        fixed (byte* start = source)
        {
            for (nint done = 0; done < source.Length;)
            {
                var from = new iovec { iov_base = start + done, iov_len = source.Length - (int)done };
                var to = new iovec { iov_base = destination + done, iov_len = source.Length - (int)done };
                nint count = WriteProcessMemory(Environment.ProcessId, &from, 1, &to, 1, 0);
                if (count <= 0)
                {
                    return count < 0 ? LastError.Get() : Errno.EFAULT;
                }

                done += count;
            }
        }

        return Errno.None;
    }

    [LibraryImport("libc", EntryPoint = "fstatfs")]
    private static partial int FileSystemStatus(int descriptor, nint* status);

    [LibraryImport("libc", EntryPoint = "process_vm_writev", SetLastError = true)]
    private static partial nint WriteProcessMemory(
        int process, iovec* local, nuint localCount, iovec* remote, nuint remoteCount, nuint flags);
}
