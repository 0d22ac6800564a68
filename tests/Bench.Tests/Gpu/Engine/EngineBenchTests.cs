using System.Text.Json;
using KServePaged.Gpu;
using KServePaged.Gpu.Engine;

namespace KServePaged.Bench.Tests.Gpu.Engine;

public sealed class EngineBenchTests : IDisposable
{
    private readonly string _work = Directory.CreateTempSubdirectory("kservepaged-gpu-bench-").FullName;

    public void Dispose() => Directory.Delete(_work, recursive: true);

    /// <summary>The weights that it writes are a checkpoint that the engine loads, and nothing stays behind.</summary>
    [Fact]
    public async Task RunAsync_OfATinyModel_MeasuresEveryPoint()
    {
        JsonElement[] figures = await RunAsync("copy=10", "products=0.1");
        Assert.Equal([(12, 1), (12, 3), (40, 1), (40, 3)], figures.Select(figure => (figure.GetProperty("in").GetInt32(), figure.GetProperty("streams").GetInt32())).Order());
        Assert.All(figures, figure =>
        {
            Assert.True(figure.GetProperty("output_tokens_per_s").GetDouble() > 0);
            Assert.True(figure.GetProperty("token_ms").GetDouble() > 0);
            Assert.InRange(figure.GetProperty("share").GetDouble(), 0, 1);
        });
        Assert.Empty(Directory.EnumerateFileSystemEntries(_work));
    }

    [Fact]
    public async Task RunAsync_WithoutCeilings_HasNoShares() =>
        Assert.All(await RunAsync(), figure => Assert.False(figure.TryGetProperty("share", out _)));

    [Fact]
    public async Task RunAsync_WithoutTime_SaysWhatItLeavesOut()
    {
        JsonElement[] figures = await RunAsync("seconds=0");
        Assert.Equal(4, figures.Length);
        Assert.All(figures, figure => Assert.StartsWith("it would take about", figure.GetProperty("skipped").GetString(), StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("models=70B", "no '70B'")]
    [InlineData("streams=0", "'0' is no count")]
    [InlineData("seconds=soon", "'soon' is no number")]
    [InlineData("colour=red", "'colour=red' is no option")]
    public void Parse_OfWhatCannotBeFollowed_SaysWhich(string argument, string reason) =>
        Assert.Contains(reason, Assert.Throws<UsageException>(() => EngineBenchOptions.Parse([argument])).Message, StringComparison.Ordinal);

    private async Task<JsonElement[]> RunAsync(params string[] arguments)
    {
        using var output = new StringWriter();
        await new EngineBench(EngineBenchOptions.Parse(["device=cpu", "models=tiny", "streams=1,3", $"work={_work}", .. arguments]), output).RunAsync();
        return [.. output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];
    }
}
