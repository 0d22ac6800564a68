using System.IO.Compression;
using System.Net;
using Google.Protobuf;
using KServePaged.Predictor.Errors;
using KServePaged.Predictor.Tests.Doubles;
using KServePaged.Predictor.Transport.Grpc;

namespace KServePaged.Predictor.Tests.Transport.Grpc;

public sealed class GrpcTransportTests
{
    private const string Service = "/grpc.testing.TestService/";

    [Fact]
    public async Task Unary_WhenLarge_ComesBackWhole()
    {
        await using ServerUnderTest server = await InteropService.StartAsync();
        using var client = new GrpcTestClient(server.Address);
        GrpcTestReply reply = await client.CallAsync(Service + "UnaryCall", Request(314159, 271828));
        Assert.Equal(314159, reply.Single(SimpleResponse.Parser).Payload.Body.Length);
        reply = await client.CallAsync(Service + "UnaryCall", Request(20_000_000, 20_000_000));
        Assert.Equal(20_000_000, reply.Single(SimpleResponse.Parser).Payload.Body.Length);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("deflate")]
    public async Task Unary_WhenCompressed_IsReadAndAnsweredCompressed(string encoding)
    {
        await using ServerUnderTest server = await InteropService.StartAsync();
        using var client = new GrpcTestClient(server.Address);
        SimpleRequest request = Request(1000, 5000);
        request.ExpectCompressed = new BoolValue { Value = true };
        request.ResponseCompressed = new BoolValue { Value = true };
        byte[] frame = GrpcTestClient.Frame(GrpcEncoding.Compress(encoding, request.ToByteArray()), flag: 1);
        GrpcTestReply reply = await client.SendAsync(Service + "UnaryCall", frame, ("grpc-encoding", encoding), ("grpc-accept-encoding", "identity, gzip"));
        (byte flag, byte[] bytes) = Assert.Single(reply.Messages);
        Assert.Equal(1, flag);
        Assert.Equal(["gzip"], reply.Headers.GetValues("grpc-encoding"));
        using var inflated = new GZipStream(new MemoryStream(bytes), CompressionMode.Decompress);
        Assert.Equal(1000, SimpleResponse.Parser.ParseFrom(inflated).Payload.Body.Length);
    }

    [Theory]
    [InlineData("gzip", (int)GrpcStatusCode.Ok)]
    [InlineData("snappy", (int)GrpcStatusCode.Unimplemented)]
    [InlineData(null, (int)GrpcStatusCode.Ok)]
    public async Task Encodings_AreToldToWhoeverNamesOne(string? encoding, int status)
    {
        await using ServerUnderTest server = await InteropService.StartAsync();
        using var client = new GrpcTestClient(server.Address);
        (string, string)[] metadata = encoding is null ? [] : [("grpc-encoding", encoding)];
        GrpcTestReply reply = await client.CallAsync(Service + "EmptyCall", new Empty(), metadata);
        Assert.Equal(status, (int)reply.Status);
        Assert.Equal(encoding is null ? [] : ["identity,gzip,deflate"], reply.Headers.TryGetValues("grpc-accept-encoding", out IEnumerable<string>? told) ? told : []);
    }

    [Fact]
    public async Task Metadata_IsEchoedInBothForms()
    {
        await using ServerUnderTest server = await InteropService.StartAsync();
        using var client = new GrpcTestClient(server.Address);
        GrpcTestReply reply = await client.CallAsync(
            Service + "UnaryCall", Request(1, 1),
            ("x-grpc-test-echo-initial", "test_initial_metadata_value"), ("x-grpc-test-echo-trailing-bin", "q6ur"));
        Assert.Equal(["test_initial_metadata_value"], reply.Headers.GetValues("x-grpc-test-echo-initial"));
        Assert.Equal(["q6ur"], reply.Trailers.GetValues("x-grpc-test-echo-trailing-bin"));
    }

    [Fact]
    public async Task RequestIdAndTrace_ComeBackAsWithHttp()
    {
        await using ServerUnderTest server = await InteropService.StartAsync();
        using var client = new GrpcTestClient(server.Address);
        GrpcTestReply reply = await client.CallAsync(
            Service + "EmptyCall", new Empty(), ("x-request-id", "id-7"), ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
        Assert.Equal(["id-7"], reply.Headers.GetValues("x-request-id"));
        Assert.Matches("^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$", reply.Headers.GetValues("traceparent").Single());
    }

    [Fact]
    public async Task Status_KeepsAnyText()
    {
        await using ServerUnderTest server = await InteropService.StartAsync();
        using var client = new GrpcTestClient(server.Address);
        const string Text = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";
        GrpcTestReply reply = await client.CallAsync(
            Service + "UnaryCall", new SimpleRequest { ResponseStatus = new EchoStatus { Code = 2, Message = Text } });
        Assert.Equal((GrpcStatusCode.Unknown, Text), (reply.Status, reply.Message));
    }

    [Theory]
    [InlineData("/grpc.testing.TestService/UnimplementedCall")]
    [InlineData("/grpc.testing.UnimplementedService/UnimplementedCall")]
    public async Task Call_WhenThereIsNoSuchMethod_IsUnimplemented(string path)
    {
        await using ServerUnderTest server = await InteropService.StartAsync();
        using var client = new GrpcTestClient(server.Address);
        Assert.Equal(GrpcStatusCode.Unimplemented, (await client.CallAsync(path, new Empty())).Status);
    }

    [Fact]
    public async Task Streams_CarryEverySizeInOrder()
    {
        await using ServerUnderTest server = await InteropService.StartAsync();
        using var client = new GrpcTestClient(server.Address);
        int[] sizes = [31415, 9, 2653, 58979];
        var request = new StreamingOutputCallRequest { ResponseParameters = { sizes.Select(size => new ResponseParameters { Size = size }) } };
        GrpcTestReply reply = await client.CallAsync(Service + "StreamingOutputCall", request);
        Assert.Equal(sizes, reply.Messages.Select(message => StreamingOutputCallResponse.Parser.ParseFrom(message.Bytes).Payload.Body.Length));

        byte[] inputs = [.. new[] { 27182, 8, 1828, 45904 }.SelectMany(size => GrpcTestClient.Frame(
            new StreamingInputCallRequest { Payload = new Payload { Body = ByteString.CopyFrom(new byte[size]) } }))];
        reply = await client.SendAsync(Service + "StreamingInputCall", inputs);
        Assert.Equal(74922, reply.Single(StreamingInputCallResponse.Parser).AggregatedPayloadSize);
    }

    [Fact]
    public async Task Duplex_AnswersEachMessageBeforeTheNext()
    {
        await using ServerUnderTest server = await InteropService.StartAsync();
        using var client = new GrpcTestClient(server.Address);
        var requests = new OpenContent();
        Task<HttpResponseMessage> starting = client.StartAsync(Service + "FullDuplexCall", requests);
        foreach (int size in new[] { 31415, 9 })
        {
            await requests.SendAsync(
                GrpcTestClient.Frame(new StreamingOutputCallRequest { ResponseParameters = { new ResponseParameters { Size = size } } }));
            Stream body = await (await starting).Content.ReadAsStreamAsync(TestContext.Current.CancellationToken);
            byte[] header = new byte[5];
            await body.ReadExactlyAsync(header, TestContext.Current.CancellationToken);
            byte[] message = new byte[System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(1))];
            await body.ReadExactlyAsync(message, TestContext.Current.CancellationToken);
            Assert.Equal(size, StreamingOutputCallResponse.Parser.ParseFrom(message).Payload.Body.Length);
        }
        requests.Complete();
        using HttpResponseMessage response = await starting;
        Stream rest = await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, await rest.ReadAsync(new byte[1], TestContext.Current.CancellationToken));
        Assert.Equal(["0"], response.TrailingHeaders.GetValues("grpc-status"));
    }

    [Fact]
    public async Task Deadline_WhenItPasses_EndsTheCall()
    {
        await using ServerUnderTest server = await InteropService.StartAsync();
        using var client = new GrpcTestClient(server.Address);
        var request = new StreamingOutputCallRequest { ResponseParameters = { new ResponseParameters { Size = 1, IntervalUs = 60_000_000 } } };
        Assert.Equal(GrpcStatusCode.DeadlineExceeded, (await client.CallAsync(Service + "StreamingOutputCall", request, ("grpc-timeout", "20m"))).Status);
        Assert.Equal(GrpcStatusCode.DeadlineExceeded, (await client.CallAsync(Service + "StreamingOutputCall", request, ("grpc-timeout", "0S"))).Status);
    }

    /// <summary>A deadline that fires while its call ends once took the process down.</summary>
    [Fact]
    public async Task Deadline_WhenItMeetsTheEndOfTheCall_IsOneOrTheOther()
    {
        await using ServerUnderTest server = await InteropService.StartAsync();
        using var client = new GrpcTestClient(server.Address);
        GrpcTestReply[] replies = await Task.WhenAll(Enumerable.Range(0, 500).Select(
            i => client.CallAsync(Service + "EmptyCall", new Empty(), ("grpc-timeout", $"{i % 50 * 100}u"))));
        Assert.All(replies, reply => Assert.Contains(reply.Status, new[] { GrpcStatusCode.Ok, GrpcStatusCode.DeadlineExceeded }));
    }

    public static TheoryData<string, byte[], string, int> BrokenCalls => new()
    {
        { "no message", [], "identity", (int)GrpcStatusCode.Internal },
        { "half a header", [0, 0, 0], "identity", (int)GrpcStatusCode.Internal },
        { "half a message", [0, 0, 0, 0, 9, 1, 2], "identity", (int)GrpcStatusCode.Internal },
        { "two messages", [0, 0, 0, 0, 0, 0, 0, 0, 0, 0], "identity", (int)GrpcStatusCode.Internal },
        { "a flag of 2", [2, 0, 0, 0, 0], "identity", (int)GrpcStatusCode.Internal },
        { "compressed without an encoding", [1, 0, 0, 0, 0], "identity", (int)GrpcStatusCode.Internal },
        { "no gzip stream", [1, 0, 0, 0, 2, 5, 5], "gzip", (int)GrpcStatusCode.Internal },
        { "a zlib stream that asks for a dictionary", [1, 0, 0, 0, 10, 0x78, 0xbb, 0, 0, 0, 1, 3, 0, 0, 0], "deflate", (int)GrpcStatusCode.Internal },
        { "an unknown encoding", [0, 0, 0, 0, 0], "snappy", (int)GrpcStatusCode.Unimplemented },
        { "4 GiB", [0, 255, 255, 255, 255], "identity", (int)GrpcStatusCode.ResourceExhausted },
        { "no protobuf", [0, 0, 0, 0, 1, 0xff], "identity", (int)GrpcStatusCode.Internal },
        { "a bomb", GrpcTestClient.Frame(GrpcEncoding.Compress("gzip", new byte[3 << 20]), 1), "gzip", (int)GrpcStatusCode.ResourceExhausted },
    };

    [Theory]
    [MemberData(nameof(BrokenCalls))]
    public async Task Call_WhenItsFramesAreBroken_EndsWithAStatus(string what, byte[] body, string encoding, int expected)
    {
        await using ServerUnderTest server = await InteropService.StartAsync(maxMessageBytes: 2 << 20);
        using var client = new GrpcTestClient(server.Address);
        GrpcTestReply reply = await client.SendAsync(Service + "EmptyCall", body, ("grpc-encoding", encoding));
        Assert.True((int)reply.Status == expected, $"{what}: {reply.Status}, {reply.Message}");
    }

    [Theory]
    [InlineData("abc")]
    [InlineData("-1S")]
    [InlineData("123456789S")]
    [InlineData("1x")]
    public async Task Timeout_WhenMalformed_IsInternal(string timeout)
    {
        await using ServerUnderTest server = await InteropService.StartAsync();
        using var client = new GrpcTestClient(server.Address);
        Assert.Equal(GrpcStatusCode.Internal, (await client.CallAsync(Service + "EmptyCall", new Empty(), ("grpc-timeout", timeout))).Status);
    }

    [Fact]
    public async Task OnePort_ServesBothVersionsAndPlainHttp2()
    {
        await using ServerUnderTest server = await InteropService.StartAsync();
        foreach (Version version in new[] { HttpVersion.Version11, HttpVersion.Version20 })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/v2/health/ready") { Version = version, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
            using HttpResponseMessage response = await server.Http.SendAsync(request, TestContext.Current.CancellationToken);
            Assert.Equal((HttpStatusCode.OK, version), (response.StatusCode, response.Version));
        }
    }

    [Fact]
    public async Task Key_WhenMissing_IsUnauthenticated()
    {
        await using ServerUnderTest server = await InteropService.StartAsync(key: "k");
        using var client = new GrpcTestClient(server.Address);
        Assert.Equal(GrpcStatusCode.Unauthenticated, (await client.CallAsync(Service + "EmptyCall", new Empty())).Status);
        Assert.Equal(GrpcStatusCode.Ok, (await client.CallAsync(Service + "EmptyCall", new Empty(), ("authorization", "Bearer k"))).Status);
    }

    private static SimpleRequest Request(int responseSize, int payload) =>
        new() { ResponseSize = responseSize, Payload = new Payload { Body = ByteString.CopyFrom(new byte[payload]) } };
}
