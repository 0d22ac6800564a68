using KServePaged.Predictor.Errors;

namespace KServePaged.Predictor.Transport.Grpc;

/// <summary>Ends a call with a status.</summary>
internal sealed class GrpcException(GrpcStatusCode status, string message, Exception? innerException = null) : Exception(message, innerException)
{
    public GrpcStatusCode Status { get; } = status;
}
