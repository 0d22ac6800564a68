using KServePaged.Predictor.Errors;

namespace KServePaged.Predictor.Transport.Grpc;

/// <summary>Errors of gRPC calls that reach no method: keys, unknown services. One Trailers-Only block.</summary>
internal sealed class GrpcErrorShape : IErrorShape
{
    public bool Owns(HttpRequest request) => GrpcEndpoints.IsGrpc(request);

    public Task WriteAsync(HttpContext context, ErrorReply reply)
    {
        bool noSuchMethod = context.GetEndpoint() is null && reply.Status.Http == StatusCodes.Status404NotFound;
        GrpcEndpoints.WriteStatusOnly(
            context.Response,
            noSuchMethod ? GrpcStatusCode.Unimplemented : reply.Status.Grpc,
            noSuchMethod ? $"There is no method {context.Request.Path}." : reply.Message);
        return Task.CompletedTask;
    }
}
