using KServePaged.Serving.Load;

namespace KServePaged.Bench.Tests.Serving.Load;

public sealed class LoadPointTests
{
    [Fact]
    public void Draw_IsAFunctionOfTheSeed()
    {
        LoadPoint point = LoadPoint.Named("closed-16", quick: false);
        Assert.Equal(point.Draw(42).Select(request => request.Body()), point.Draw(42).Select(request => request.Body()));
        Assert.NotEqual(point.Draw(42)[0].Prompt, point.Draw(43)[0].Prompt);
        Assert.All(point.Draw(42), request =>
        {
            Assert.InRange(request.Prompt.Length, 32, 512);
            Assert.InRange(request.OutputTokens, 16, 256);
            Assert.All(request.Prompt, token => Assert.InRange(token, 300, 31_999));
        });
    }

    [Fact]
    public void Draw_OfPrefixes_RepeatsEachThreeTimes()
    {
        IReadOnlyList<LoadRequest> requests = LoadPoint.Named("prefix", quick: false).Draw(1);
        Assert.All(requests, request => Assert.Equal(992, request.Prompt.Length));
        Assert.Equal([false, true, true, true, false], requests.Take(5).Select(request => request.RepeatsPrefix));
        Assert.Equal(requests[0].Prompt[..960], requests[3].Prompt[..960]);
        Assert.NotEqual(requests[0].Prompt[960..], requests[3].Prompt[960..]);
        Assert.NotEqual(requests[0].Prompt[..960], requests[4].Prompt[..960]);
    }

    [Fact]
    public void Draw_OfAPoissonProcess_ArrivesAtTheRate()
    {
        double[] at = [.. (LoadPoint.Named("poisson-2.5", quick: false) with { Requests = 4000, Prompt = new(1, 1) }).Draw(1).Select(request => request.AtSeconds)];
        double[] gaps = [.. at.Zip(at.Skip(1), (before, after) => after - before)];
        Assert.InRange(gaps.Average(), 0.38, 0.42);
        Assert.InRange(gaps.Count(gap => gap > 0.4) / (double)gaps.Length, 0.34, 0.40); // 1 / e of them are longer than the mean
    }

    [Theory]
    [InlineData("closed")]
    [InlineData("closed-0")]
    [InlineData("poisson--1")]
    [InlineData("prefill-3")]
    [InlineData("")]
    public void Named_WhenUnknown_SaysWhatThereIs(string name) =>
        Assert.Contains("closed-N", Assert.Throws<ArgumentException>(() => LoadPoint.Named(name, quick: false)).Message, StringComparison.Ordinal);
}
