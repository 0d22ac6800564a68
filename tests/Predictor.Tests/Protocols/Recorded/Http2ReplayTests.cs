using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using KServePaged.Predictor.Tests.Doubles;
using KServePaged.Predictor.Tests.Transport.Grpc;
using static KServePaged.Predictor.Errors.GrpcStatusCode;

namespace KServePaged.Predictor.Tests.Protocols.Recorded;

/// <summary>HTTP/2 as it was seen: calls of every spelling, and the first bytes of real clients' connections.</summary>
public sealed class Http2ReplayTests
{
    private static readonly Expectation[] Rules =
    [
        new(415, null, "not gRPC, as its protocol wants it said", "h2/content-type json"),
        new((int)Internal, null, "the request ends without a whole message", "h2/no message, half-closed", "h2/truncated frame"),
        new((int)Internal, null, "the message is not what it says", "h2/gzip flag but not gzip"),
        new((int)Unimplemented, null, "no such compression; the answer names those there are", "h2/unknown grpc-encoding"),
        new((int)ResourceExhausted, null, "refused before it arrives", "h2/length 4 GiB"),
        new((int)DeadlineExceeded, null, "no time at all", "h2/grpc-timeout 0S", "h2/grpc-timeout 1n"),
        new((int)Internal, null, "no deadline; a number has at most 8 digits", "h2/grpc-timeout -1S", "h2/grpc-timeout abc", "h2/grpc-timeout 123456789S"),
        new((int)Ok, null, "served", "h2/*"),
    ];

    [Fact]
    public async Task EveryCall_EndsAsGrpcHasIt()
    {
        JsonElement[] records = [.. RecordedTraffic.OfKind("h2").DistinctBy(record => RecordedTraffic.Text(record, "case"))];
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        using var http = new HttpClient(new SocketsHttpHandler()) { BaseAddress = server.Address };
        List<string> faults = [];
        foreach (JsonElement record in records)
        {
            string name = RecordedTraffic.Text(record, "case");
            using HttpRequestMessage request = RequestOf(record.GetProperty("request"));
            using HttpResponseMessage response = await http.SendAsync(request, TestContext.Current.CancellationToken);
            byte[] body = await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
            (int status, string message) = response.StatusCode == HttpStatusCode.OK
                ? GrpcTestReply.Of(response, body) is var reply ? ((int)reply.Status, reply.Message) : default
                : ((int)response.StatusCode, "");
            faults.AddRange(Record.Exception(() => Expectation.For(Rules, name).Check(name, status, message)) is { } fault ? [fault.Message] : Array.Empty<string>());
        }
        Assert.True(faults.Count == 0, string.Join("\n", faults));
        Assert.InRange(records.Length, 10, 100);
        Expectation.RequireAllUsed(Rules);
    }

    [Fact]
    public async Task EveryConnection_IsAnsweredToItsEnd()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(options => options with { ModelNames = ["llm"] });
        List<string> faults = [];
        int replayed = 0;
        foreach (JsonElement record in RecordedTraffic.OfKind("client").Where(record => record.TryGetProperty("connection_record", out _)))
        {
            string name = RecordedTraffic.Text(record, "case");
            JsonElement connection = record.GetProperty("connection_record");
            byte[] bytes = connection.GetProperty("client_bytes_base64").GetBytesFromBase64();
            if (bytes.Length < connection.GetProperty("client_bytes_length").GetInt32())
            {
                continue; // the record holds the beginning only
            }
            replayed++;
            string? fault = await Http2Wire.ReplayAsync(server.Address, bytes);
            if (fault is not null)
            {
                faults.Add($"{name}: {fault}");
            }
        }
        Assert.True(faults.Count == 0, string.Join("\n", faults));
        Assert.InRange(replayed, 20, 1000);
    }

    private static HttpRequestMessage RequestOf(JsonElement record)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, RecordedCalls.Path(record))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(record.GetProperty("data_base64").GetBytesFromBase64()),
        };
        foreach (JsonElement header in record.GetProperty("headers").EnumerateArray())
        {
            string name = header[0].GetString()!;
            if (name == "content-type")
            {
                request.Content.Headers.ContentType = new MediaTypeHeaderValue(header[1].GetString()!);
            }
            else if (name[0] != ':')
            {
                request.Headers.TryAddWithoutValidation(name, header[1].GetString());
            }
        }
        return request;
    }
}
