using KServePaged.Predictor.Errors;
using KServePaged.Predictor.Tests.Doubles;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Tests.Transport.Grpc;

/// <summary>What a caller can make the server hold. Alone in the process: what is measured is the process.</summary>
[CollectionDefinition(nameof(BoundedMemoryTests), DisableParallelization = true)]
[Collection(nameof(BoundedMemoryTests))]
public sealed class BoundedMemoryTests
{
    private const string Service = "/grpc.testing.TestService/";

    /// <summary>A length that is allowed costs nothing until its bytes come.</summary>
    [Fact]
    public async Task Length_WhenOnlyClaimed_TakesNoMemory()
    {
        const int Calls = 200;
        await using ServerUnderTest server = await InteropService.StartAsync();
        using RawHttp2 http2 = await RawHttp2.OpenAsync(server.Address);
        long before = GC.GetTotalMemory(forceFullCollection: true);
        for (int i = 0; i < Calls; i++)
        {
            await http2.StartCallAsync((2 * i) + 1, Service + "StreamingInputCall");
            await http2.SendDataAsync((2 * i) + 1, [0, 0x04, 0, 0, 0, 1, 2, 3], end: false); // 64 MiB each
        }
        await http2.SendFrameAsync(RawHttp2.Ping, 0, 0, new byte[8]);
        Assert.NotNull(await http2.ReadUntilAsync(RawHttp2.Ping)); // all of it has been read
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 64 << 20);
    }

    /// <summary>The server stops producing, and the connection's other streams go on.</summary>
    [Fact]
    public async Task Stream_WhenNobodyReadsIt_HoldsBackItsProducerOnly()
    {
        await using ServerUnderTest server = await InteropService.StartAsync();
        using RawHttp2 http2 = await RawHttp2.OpenAsync(server.Address, streamWindow: 1000);
        var endless = new StreamingOutputCallRequest();
        endless.ResponseParameters.AddRange(Enumerable.Repeat(new ResponseParameters { Size = 10_000 }, 100_000)); // 1 GB
        long before = GC.GetTotalMemory(forceFullCollection: true);
        await http2.StartCallAsync(1, Service + "StreamingOutputCall");
        foreach (byte[] part in GrpcTestClient.Frame(endless).Chunk(16_000))
        {
            await http2.SendDataAsync(1, part, end: false);
        }
        await http2.SendFrameAsync(RawHttp2.Data, 1, 1, []);
        int received = 0;
        while (received < 1000)
        {
            received += (await http2.ReadUntilAsync(RawHttp2.Data))!.Value.Payload.Length;
        }
        for (int stream = 3; stream < 43; stream += 2)
        {
            await http2.StartCallAsync(stream, Service + "EmptyCall");
            await http2.SendDataAsync(stream, [0, 0, 0, 0, 0], end: true);
            (byte _, byte _, int answered, byte[] _) = (await http2.ReadUntilAsync(RawHttp2.Headers))!.Value;
            Assert.Equal(stream, answered);
            Assert.NotNull(await http2.ReadUntilAsync(RawHttp2.Headers)); // its trailers
        }
        Assert.Equal(1000, received);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 64 << 20);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("deflate")]
    public async Task Bomb_IsRefusedAtTheLimit(string encoding)
    {
        await using ServerUnderTest server = await InteropService.StartAsync(maxMessageBytes: 1 << 20);
        using var client = new GrpcTestClient(server.Address);
        byte[] bomb = GrpcTestClient.Frame(ContentCoding.Compress(encoding, new byte[50 << 20]), flag: 1);
        Assert.InRange(bomb.Length, 1, 1 << 20);
        long before = GC.GetTotalAllocatedBytes();
        Assert.Equal(GrpcStatusCode.ResourceExhausted, (await client.SendAsync(Service + "EmptyCall", bomb, ("grpc-encoding", encoding))).Status);
        Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, 20 << 20);
    }
}
