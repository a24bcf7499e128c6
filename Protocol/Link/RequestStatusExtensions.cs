using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Pcie;

namespace EpfTest.Protocol.Link;

/// <summary>Between guest memory, which knows error numbers, and requests to it.</summary>
internal static class RequestStatusExtensions
{
    /// <summary>Result of a request that memory refused with <paramref name="error"/>.</summary>
    /// <remarks>Memory without the right to access is claimed, and the access breaks its rules: Completer Abort (PCI
    /// Express Base Specification 6.0, section 2.3.1). QEMU answers ENODEV where nothing claims an address, also behind
    /// an IOMMU (MEMTX_DECODE_ERROR).</remarks>
    public static RequestStatus ToRequestStatus(this Errno error) => error switch
    {
        Errno.None => RequestStatus.Success,
        Errno.EFAULT or Errno.ENODEV => RequestStatus.UnsupportedRequest,
        Errno.EPERM => RequestStatus.NotBusMaster,
        Errno.ETIMEDOUT => RequestStatus.CompletionTimeout,
        Errno.ENOTCONN => RequestStatus.LinkDown,
        _ => RequestStatus.CompleterAbort,
    };

    /// <summary>The reverse, for memory that is reached by requests.</summary>
    public static Errno ToErrno(this RequestStatus status) => status switch
    {
        RequestStatus.Success => Errno.None,
        RequestStatus.UnsupportedRequest => Errno.EFAULT,
        RequestStatus.NotBusMaster => Errno.EPERM,
        RequestStatus.CompletionTimeout => Errno.ETIMEDOUT,
        RequestStatus.LinkDown => Errno.ENOTCONN,
        _ => Errno.EIO,
    };
}
