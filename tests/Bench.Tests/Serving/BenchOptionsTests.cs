using KServePaged.Serving;

namespace KServePaged.Bench.Tests.Serving;

public sealed class BenchOptionsTests
{
    [Fact]
    public void Parse_TakesPointsPresetsAndOptions()
    {
        BenchOptions options = BenchOptions.Parse(["small/bf16/closed-8", "medium/int8-dynamic/prefill", "--peer=serve --port {port}", "--rounds", "5"]);
        Assert.Equal(["small/bf16/closed-8", "medium/int8-dynamic/prefill"], options.Points.Select(point => point.Name));
        Assert.Equal("serve --port {port}", options.Peer);
        Assert.Equal(5, options.Rounds);
    }

    [Fact]
    public void Parse_OfQuick_MakesFewerRequests()
    {
        BenchOptions options = BenchOptions.Parse(["quick"]);
        Assert.Equal(1, options.Rounds);
        Assert.Equal(32, options.Points.Single(point => point.Load.Name == "closed-16").Load.Requests);
        Assert.Equal(64, BenchOptions.Parse(["full"]).Points.Single(point => point.Name == "small/bf16/closed-16").Load.Requests);
    }

    [Theory]
    [InlineData("")]
    [InlineData("small/bf16")]
    [InlineData("huge/bf16/closed-1")]
    [InlineData("small/int3/closed-1")]
    [InlineData("report quick")]
    [InlineData("quick --rounds 0")]
    [InlineData("quick --rounds")]
    [InlineData("quick --round 3")]
    public void Parse_WhenWrong_Refuses(string words) =>
        Assert.ThrowsAny<ArgumentException>(() => BenchOptions.Parse(words.Split(' ', StringSplitOptions.RemoveEmptyEntries)));
}
