using KServePaged.TestSupport;

namespace KServePaged.EndToEnd.Tests;

/// <summary>Every rpc of the real server with the embedded model, called by clients that others wrote.</summary>
public sealed class GrpcClientsTests
{
    private static readonly string Protos = Path.Combine(Repository.Root, "protos");

    [Fact]
    public async Task Grpcio_EveryRpc_Answers()
    {
        await using ServerProcess server = await ServerProcess.StartAsync();
        Assert.Equal(19, (await ThirdPartyClient.RunPythonGrpcAsync("oip_grpc.py", server.Http.BaseAddress!.Authority, "demo", Protos)).Length);
    }

    [Fact]
    public async Task GrpcJs_EveryRpc_Answers()
    {
        await using ServerProcess server = await ServerProcess.StartAsync();
        Assert.Equal(16, (await ThirdPartyClient.RunNodeAsync("@grpc/grpc-js", "oip_grpc.mjs", server.Http.BaseAddress!.Authority, "demo", Protos)).Length);
    }
}
