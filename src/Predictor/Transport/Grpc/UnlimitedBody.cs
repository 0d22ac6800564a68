using Microsoft.AspNetCore.Http.Metadata;

namespace KServePaged.Predictor.Transport.Grpc;

/// <summary>For the router: gRPC's messages have a limit each, a stream of them has none.</summary>
internal sealed class UnlimitedBody : IRequestSizeLimitMetadata
{
    public static readonly UnlimitedBody Instance = new();

    public long? MaxRequestBodySize => null;
}
