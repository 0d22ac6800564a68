using KServePaged.Predictor.Errors;
using KServePaged.Predictor.Tests.Doubles;

namespace KServePaged.Predictor.Tests.Transport.Grpc;

/// <summary>Calls that are broken below their messages.</summary>
public sealed class BadCallTests
{
    private const string Service = "/grpc.testing.TestService/";

    [Theory]
    [InlineData(0x80000000)]
    [InlineData(0xffffffff)]
    [InlineData((64 << 20) + 1)]
    public async Task Length_WhenItPassesTheLimit_IsAnsweredBeforeAByteOfItArrives(uint length)
    {
        await using ServerUnderTest server = await InteropService.StartAsync();
        using RawHttp2 http2 = await RawHttp2.OpenAsync(server.Address);
        await http2.StartCallAsync(1, Service + "StreamingInputCall");
        await http2.SendDataAsync(1, [0, (byte)(length >> 24), (byte)(length >> 16), (byte)(length >> 8), (byte)length], end: false);
        Assert.Contains("grpc-status\u00018", Text(await http2.ReadUntilAsync(RawHttp2.Headers))); // HPACK: the length of the value, the value
    }

    [Theory]
    [InlineData("x-some-bin", "!!!")]
    [InlineData("x-some-bin", "q6ur,q")]
    public async Task Metadata_WhenItIsNotBase64_IsInternal(string name, string value)
    {
        await using ServerUnderTest server = await InteropService.StartAsync();
        using var client = new GrpcTestClient(server.Address);
        Assert.Equal(GrpcStatusCode.Internal, (await client.CallAsync(Service + "EmptyCall", new Empty(), (name, value))).Status);
        Assert.Equal(GrpcStatusCode.Ok, (await client.CallAsync(Service + "EmptyCall", new Empty(), (name, "q6ur, q6urqw"))).Status);
    }

    [Theory]
    [InlineData(Service + "EmptyCall", "Empty")]
    [InlineData("/inference.GRPCInferenceService/ModelInfer", "ModelInferRequest")] // read by hand
    public async Task Message_WhenItsBytesAreNone_IsInternalAndNamed(string path, string message)
    {
        await using ServerUnderTest server = await InteropService.StartAsync();
        using var client = new GrpcTestClient(server.Address);
        GrpcTestReply reply = await client.SendAsync(path, GrpcTestClient.Frame([0xff]));
        Assert.Equal(GrpcStatusCode.Internal, reply.Status);
        Assert.StartsWith($"the message is no {message}: ", reply.Message);
    }

    [Theory]
    [InlineData("x-some", "\u00ff\u00fe")]
    [InlineData("X-Some", "a")]
    [InlineData("connection", "close")]
    [InlineData(":status", "200")]
    public async Task Headers_WhenHttp2ForbidsThem_EndTheStreamOrTheConnection(string name, string value)
    {
        await using ServerUnderTest server = await InteropService.StartAsync();
        using RawHttp2 http2 = await RawHttp2.OpenAsync(server.Address);
        await http2.StartCallAsync(1, Service + "EmptyCall", (name, value));
        await http2.SendDataAsync(1, [0, 0, 0, 0, 0], end: true);
        var seen = new List<byte>();
        while (await http2.ReadAsync() is { } frame)
        {
            seen.Add(frame.Type);
            Assert.NotEqual(RawHttp2.Data, frame.Type);
            if (frame.Type is RawHttp2.ResetStream or RawHttp2.GoAway)
            {
                break;
            }
        }
        Assert.DoesNotContain(RawHttp2.Headers, seen);
        using var client = new GrpcTestClient(server.Address);
        Assert.Equal(GrpcStatusCode.Ok, (await client.CallAsync(Service + "EmptyCall", new Empty())).Status);
    }

    /// <summary>Its status could not arrive behind the message that nobody takes.</summary>
    [Fact]
    public async Task Deadline_WhenNobodyReads_CancelsTheStream()
    {
        await using ServerUnderTest server = await InteropService.StartAsync();
        using RawHttp2 http2 = await RawHttp2.OpenAsync(server.Address, streamWindow: 10);
        await http2.StartCallAsync(1, Service + "StreamingOutputCall", ("grpc-timeout", "100m"));
        var request = new StreamingOutputCallRequest();
        request.ResponseParameters.AddRange(Enumerable.Repeat(new ResponseParameters { Size = 100_000 }, 10));
        await http2.SendDataAsync(1, GrpcTestClient.Frame(request), end: true);
        Assert.Equal([0, 0, 0, 8], (await http2.ReadUntilAsync(RawHttp2.ResetStream))!.Value.Payload); // CANCEL
    }

    private static string Text((byte Type, byte Flags, int Stream, byte[] Payload)? frame) => System.Text.Encoding.Latin1.GetString(frame!.Value.Payload);
}
