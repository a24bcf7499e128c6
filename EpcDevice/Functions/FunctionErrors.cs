using EpfTest.EpcDevice.Link;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.ConfigurationSpace;
using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.EpcDevice.Functions;

/// <summary>
/// Records errors in a function's configuration space, and reports them to the host by a message as that configures.
/// </summary>
/// <remarks>For any thread that does not hold the controller's lock.</remarks>
internal sealed class FunctionErrors(FunctionContext context)
{
    // Guarded by the controller's lock.
    private readonly byte[] _header = new byte[TlpLimits.Header4Dw];

    /// <summary>Records that a request of the function failed.</summary>
    public void RecordOwn(RequestStatus status)
    {
        ErrorMessage message = ErrorMessage.None;
        lock (context.Lock)
        {
            switch (status)
            {
                case RequestStatus.CompletionTimeout:
                    message = RecordUncorrectable(UncorrectableError.CompletionTimeout);
                    break;
                case RequestStatus.Poisoned:
                    message = RecordUncorrectable(UncorrectableError.PoisonedTlpReceived);
                    break;
                case RequestStatus.UnsupportedRequest:
                    context.Config?.RecordStatus(PciStatus.ReceivedMasterAbort);
                    break;
                case RequestStatus.CompleterAbort:
                    context.Config?.RecordStatus(PciStatus.ReceivedTargetAbort);
                    break;
            }
        }

        Send(message);
    }

    /// <inheritdoc cref="IFunction.RecordFailure"/>
    public void Record(in TlpHeader request, UncorrectableError error)
    {
        ErrorMessage message;
        lock (context.Lock)
        {
            if (error == UncorrectableError.CompleterAbort)
            {
                context.Config?.RecordStatus(PciStatus.SignaledTargetAbort);
            }

            // A completion tells the requester of a non-posted request, who reports the error instead of this function.
            int length = request.Encode(_header);
            message = RecordUncorrectable(error, _header.AsSpan(0, length), request.IsNonPosted);
        }

        Send(message);
    }

    private ErrorMessage RecordUncorrectable(
        UncorrectableError error, ReadOnlySpan<byte> header = default, bool advisory = false) =>
        context.Config?.AdvancedErrorReporting!.RecordUncorrectable(error, header, advisory) ?? ErrorMessage.None;

    private void Send(ErrorMessage message)
    {
        if (message != ErrorMessage.None)
        {
            context.Port.SendError(message);
        }
    }
}
