using KServePaged.Serving.Report;

namespace KServePaged.Bench.Tests.Serving.Report;

public sealed class DistributionTests
{
    [Theory]
    [InlineData(0, 10)]
    [InlineData(0.5, 30)]
    [InlineData(0.25, 20)]
    [InlineData(0.9, 46)]
    [InlineData(0.99, 49.6)]
    [InlineData(1, 50)]
    public void Percentile_IsLinearBetweenNeighbours(double fraction, double expected) =>
        Assert.Equal(expected, Distribution.Percentile([10, 20, 30, 40, 50], fraction), 1e-12);

    [Fact]
    public void Of_TakesValuesInAnyOrder() => Assert.Equal(new Distribution(3, 4.6, 4.96, 3, 5), Distribution.Of([5, 1, 4, 3, 2, double.NaN]));

    [Fact]
    public void Of_WhenEmpty_IsNull() => Assert.Null(Distribution.Of([double.NaN]));
}
