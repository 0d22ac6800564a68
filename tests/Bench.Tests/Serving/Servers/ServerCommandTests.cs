using KServePaged.Serving;
using KServePaged.Serving.Models;
using KServePaged.Serving.Servers;

namespace KServePaged.Bench.Tests.Serving.Servers;

public sealed class ServerCommandTests
{
    [Fact]
    public void Fill_PutsInWhatTheServerNeeds()
    {
        ServerCommand command = ServerCommand.Parse("peer", "\"/a program/serve\" -m {gguf} --port={port}  -c {context} -np {slots} --kv {cache}").With("--more");
        var shape = new ModelShape("small", Hidden: 768, Layers: 12, Heads: 12, KvHeads: 4, Ffn: 3072, Vocab: 32000); // 12 KiB a token
        Assert.True(command.NeedsGguf);
        Assert.False(command.NeedsCheckpoint);
        Assert.Equal(["/a program/serve", "-m", "/g h.gguf", "--port=99", "-c", "20480", "-np", "16", "--kv", "251658240", "--more"], command.Fill("/m", "/g h.gguf", 99, 16, shape));
    }

    [Fact]
    public void Parse_WithoutAPort_SaysSo() =>
        Assert.Contains("{port}", Assert.Throws<ArgumentException>(() => ServerCommand.Parse("peer", "serve")).Message, StringComparison.Ordinal);

    [Fact]
    public async Task StartAsync_WhenThereIsNoSuchProgram_NamesIt()
    {
        var e = await Assert.ThrowsAsync<BenchException>(() => ServerProcess.StartAsync("peer", _ => ["/no/such/server"]));
        Assert.StartsWith("peer cannot be started: /no/such/server", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task StartAsync_WhenTheServerEnds_ShowsItsLastWords()
    {
        var e = await Assert.ThrowsAsync<BenchException>(() => ServerProcess.StartAsync("peer", _ => ["/bin/sh", "-c", "echo no weights >&2; exit 3"]));
        Assert.StartsWith("peer ended with code 3", e.Message, StringComparison.Ordinal);
        Assert.Contains("no weights", e.Message, StringComparison.Ordinal);
    }
}
