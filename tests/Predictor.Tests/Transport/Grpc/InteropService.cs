using Google.Protobuf;
using KServePaged.Predictor.Errors;
using KServePaged.Predictor.Tests.Doubles;
using KServePaged.Predictor.Transport.Grpc;
using Microsoft.AspNetCore.Http;

namespace KServePaged.Predictor.Tests.Transport.Grpc;

/// <summary>The server that the interoperability cases expect.</summary>
internal static class InteropService
{
    private const string Name = "grpc.testing.TestService";
    private const string EchoInitial = "x-grpc-test-echo-initial";
    private const string EchoTrailing = "x-grpc-test-echo-trailing-bin";

    public static IEnumerable<GrpcMethod> Methods { get; } =
    [
        GrpcMethod.Unary(Name, "EmptyCall", Empty.Parser, (_, call) => Task.FromResult(Echo(call, new Empty()))),
        new(Name, "UnaryCall", UnaryCallAsync),
        GrpcMethod.ServerStreaming<StreamingOutputCallRequest, StreamingOutputCallResponse>(
            Name, "StreamingOutputCall", StreamingOutputCallRequest.Parser, (request, responses, call) => SendAsync(request, responses, Echo(call, call))),
        GrpcMethod.ClientStreaming<StreamingInputCallRequest, StreamingInputCallResponse>(
            Name, "StreamingInputCall", StreamingInputCallRequest.Parser, CollectAsync),
        GrpcMethod.Duplex<StreamingOutputCallRequest, StreamingOutputCallResponse>(
            Name, "FullDuplexCall", StreamingOutputCallRequest.Parser, DuplexAsync),
    ];

    /// <summary>A server that has this service beside its own.</summary>
    public static Task<ServerUnderTest> StartAsync(int maxMessageBytes = 64 << 20, string? key = null) => ServerUnderTest.StartAsync(
        options => options with { ApiKeys = key is null ? [] : [key] },
        extend: app =>
        {
            foreach (GrpcMethod method in Methods)
            {
                app.MapGrpc(method, new GrpcLimits(maxMessageBytes));
            }
        });

    // By hand, because the case asks whether the request was compressed, which a unary handler is not told.
    private static async Task UnaryCallAsync(HttpContext http, GrpcCallContext call, GrpcLimits limits)
    {
        string encoding = http.Request.Headers["grpc-encoding"].ToString() is { Length: > 0 } named ? named : GrpcEncoding.Identity;
        var reader = new GrpcMessageReader<SimpleRequest>(http.Request.BodyReader, GrpcParser.Of(SimpleRequest.Parser), encoding, limits.MaxMessageBytes, call.Drained);
        SimpleRequest request = (await reader.ReadAsync(call.CancellationToken))!;
        Check(request.ExpectCompressed, reader.LastWasCompressed);
        Echo(call, call);
        Throw(request.ResponseStatus);
        call.UseEncoding(request.ResponseCompressed is null ? GrpcEncoding.Identity : GrpcEncoding.Gzip);
        var response = new SimpleResponse { Payload = Zeros(request.ResponseSize) };
        await new GrpcMessageWriter<SimpleResponse>(http.Response, call, GrpcSerializer.Of<SimpleResponse>())
            .WriteAsync(response, call.CancellationToken, request.ResponseCompressed?.Value ?? false);
    }

    private static async Task<StreamingInputCallResponse> CollectAsync(GrpcMessageReader<StreamingInputCallRequest> requests, GrpcCallContext call)
    {
        int size = 0;
        while (await requests.ReadAsync(call.CancellationToken) is { } request)
        {
            Check(request.ExpectCompressed, requests.LastWasCompressed);
            size += request.Payload.Body.Length;
        }
        return new StreamingInputCallResponse { AggregatedPayloadSize = size };
    }

    private static async Task DuplexAsync(
        GrpcMessageReader<StreamingOutputCallRequest> requests, GrpcMessageWriter<StreamingOutputCallResponse> responses, GrpcCallContext call)
    {
        Echo(call, call);
        await foreach (StreamingOutputCallRequest request in requests.ReadAllAsync(call.CancellationToken))
        {
            Throw(request.ResponseStatus);
            await SendAsync(request, responses, call);
        }
    }

    private static async Task SendAsync(
        StreamingOutputCallRequest request, GrpcMessageWriter<StreamingOutputCallResponse> responses, GrpcCallContext call)
    {
        if (request.ResponseParameters.Any(parameters => parameters.Compressed is not null))
        {
            call.UseEncoding(GrpcEncoding.Gzip);
        }
        foreach (ResponseParameters parameters in request.ResponseParameters)
        {
            await Task.Delay(TimeSpan.FromMicroseconds(parameters.IntervalUs), call.CancellationToken);
            await responses.WriteAsync(
                new StreamingOutputCallResponse { Payload = Zeros(parameters.Size) }, call.CancellationToken, parameters.Compressed?.Value ?? false);
        }
    }

    private static T Echo<T>(GrpcCallContext call, T result)
    {
        if (call.RequestMetadata.Text(EchoInitial) is { } initial)
        {
            call.ResponseHeaders.Add(EchoInitial, initial);
        }
        foreach (byte[] value in call.RequestMetadata.Bytes(EchoTrailing))
        {
            call.ResponseTrailers.Add(EchoTrailing, value);
        }
        return result;
    }

    private static void Check(BoolValue? expected, bool compressed)
    {
        if (expected is not null && expected.Value != compressed)
        {
            throw new GrpcException(GrpcStatusCode.InvalidArgument, $"expected compressed: {expected.Value}, was: {compressed}");
        }
    }

    private static void Throw(EchoStatus? status)
    {
        if (status is { Code: not 0 })
        {
            throw new GrpcException((GrpcStatusCode)status.Code, status.Message);
        }
    }

    private static Payload Zeros(int size) => new() { Body = ByteString.CopyFrom(new byte[size]) };
}
