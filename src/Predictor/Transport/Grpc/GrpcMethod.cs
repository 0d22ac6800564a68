using Google.Protobuf;
using KServePaged.Predictor.Errors;

namespace KServePaged.Predictor.Transport.Grpc;

/// <summary>A method under its path; the four shapes differ in what they read and write.</summary>
/// <param name="Service">Full name of the service, with its package.</param>
/// <param name="Name">Name of the method.</param>
/// <param name="InvokeAsync">Runs one call from its request stream to its last message; the status is the caller's business.</param>
internal sealed record GrpcMethod(string Service, string Name, Func<HttpContext, GrpcCallContext, GrpcLimits, Task> InvokeAsync)
{
    public string Path => $"/{Service}/{Name}";

    public static GrpcMethod Unary<TRequest, TResponse>(
        string service, string name, MessageParser<TRequest> parser, Func<TRequest, GrpcCallContext, Task<TResponse>> handler)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse> =>
        Unary(service, name, GrpcParser.Of(parser), GrpcSerializer.Of<TResponse>(), handler);

    public static GrpcMethod Unary<TRequest, TResponse>(
        string service, string name, GrpcParser<TRequest> parser, GrpcSerializer<TResponse> serializer,
        Func<TRequest, GrpcCallContext, Task<TResponse>> handler)
        where TRequest : class
        where TResponse : class =>
        new(service, name, async (http, call, limits) =>
        {
            TRequest request = await Reader(http, call, parser, limits).ReadSingleAsync(call.CancellationToken).ConfigureAwait(false);
            TResponse response = await handler(request, call).ConfigureAwait(false);
            await new GrpcMessageWriter<TResponse>(http.Response, call, serializer).WriteOnlyAsync(response, call.CancellationToken).ConfigureAwait(false);
        });

    public static GrpcMethod ServerStreaming<TRequest, TResponse>(
        string service, string name, MessageParser<TRequest> parser, Func<TRequest, GrpcMessageWriter<TResponse>, GrpcCallContext, Task> handler)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse> =>
        new(service, name, async (http, call, limits) =>
        {
            TRequest request = await Reader(http, call, GrpcParser.Of(parser), limits).ReadSingleAsync(call.CancellationToken).ConfigureAwait(false);
            await handler(request, new GrpcMessageWriter<TResponse>(http.Response, call, GrpcSerializer.Of<TResponse>()), call).ConfigureAwait(false);
        });

    public static GrpcMethod ClientStreaming<TRequest, TResponse>(
        string service, string name, MessageParser<TRequest> parser, Func<GrpcMessageReader<TRequest>, GrpcCallContext, Task<TResponse>> handler)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse> =>
        new(service, name, async (http, call, limits) =>
        {
            GrpcMessageReader<TRequest> requests = Reader(http, call, GrpcParser.Of(parser), limits);
            TResponse response = await handler(requests, call).ConfigureAwait(false);
            requests.ThrowIfCutShort();
            await new GrpcMessageWriter<TResponse>(http.Response, call, GrpcSerializer.Of<TResponse>()).WriteOnlyAsync(response, call.CancellationToken).ConfigureAwait(false);
        });

    public static GrpcMethod Duplex<TRequest, TResponse>(
        string service, string name, MessageParser<TRequest> parser,
        Func<GrpcMessageReader<TRequest>, GrpcMessageWriter<TResponse>, GrpcCallContext, Task> handler)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse> =>
        Duplex(service, name, GrpcParser.Of(parser), GrpcSerializer.Of<TResponse>(), handler);

    public static GrpcMethod Duplex<TRequest, TResponse>(
        string service, string name, GrpcParser<TRequest> parser, GrpcSerializer<TResponse> serializer,
        Func<GrpcMessageReader<TRequest>, GrpcMessageWriter<TResponse>, GrpcCallContext, Task> handler)
        where TRequest : class
        where TResponse : class =>
        new(service, name, async (http, call, limits) =>
        {
            GrpcMessageReader<TRequest> requests = Reader(http, call, parser, limits);
            await handler(requests, new GrpcMessageWriter<TResponse>(http.Response, call, serializer), call).ConfigureAwait(false);
            requests.ThrowIfCutShort();
        });

    private static GrpcMessageReader<T> Reader<T>(HttpContext http, GrpcCallContext call, GrpcParser<T> parser, GrpcLimits limits)
        where T : class
    {
        string encoding = http.Request.Headers.GrpcEncoding is [{ Length: > 0 } named] ? named : GrpcEncoding.Identity;
        return GrpcEncoding.IsKnown(encoding)
            ? new GrpcMessageReader<T>(http.Request.BodyReader, parser, encoding, limits.MaxMessageBytes, call.Drained)
            : throw new GrpcException(GrpcStatusCode.Unimplemented, $"grpc-encoding '{encoding}' is none of {GrpcEncoding.Accepted}.");
    }
}
