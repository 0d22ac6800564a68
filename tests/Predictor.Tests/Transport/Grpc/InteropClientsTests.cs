using System.Text.Json;
using KServePaged.Predictor.Tests.Doubles;
using KServePaged.TestSupport;

namespace KServePaged.Predictor.Tests.Transport.Grpc;

/// <summary>The published interoperability cases, driven by clients that others wrote; here because their service is a test's own.</summary>
public sealed class InteropClientsTests
{
    private static readonly string Proto = Path.Combine(Repository.Root, "tests/Predictor.Tests/Transport/Grpc/interop.proto");

    [Fact]
    public async Task Grpcio_EveryCase_Holds()
    {
        await using ServerUnderTest server = await InteropService.StartAsync();
        AssertAll(await ThirdPartyClient.RunPythonGrpcAsync("interop_grpc.py", server.Address.Authority, Proto, Cases));
    }

    [Fact]
    public async Task GrpcJs_EveryCase_Holds()
    {
        await using ServerUnderTest server = await InteropService.StartAsync();
        AssertAll(await ThirdPartyClient.RunNodeAsync("@grpc/grpc-js", "interop_grpc.mjs", server.Address.Authority, Proto, Cases));
    }

    private static string Cases => SharedData.PathOf("grpc/interop_cases.json");

    private static void AssertAll(string[] lines)
    {
        string[] names = [.. JsonDocument.Parse(File.ReadAllText(Cases)).RootElement.GetProperty("cases").EnumerateArray().Select(one => "ok " + one.GetProperty("name").GetString())];
        Assert.Equal(18, names.Length);
        Assert.Equal(names, lines.Take(names.Length));
        Assert.Equal(3, lines.Count(line => line.StartsWith("ok 20 MB", StringComparison.Ordinal)));
    }
}
