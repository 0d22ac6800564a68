using KServePaged.Engine.Execution;

namespace KServePaged.Engine.Tests.Execution;

public sealed class ShapeLadderTests
{
    private const int BlockTokens = 16;

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(3, 4)]
    [InlineData(5, 8)]
    [InlineData(8, 8)]
    [InlineData(9, 16)]
    [InlineData(17, 24)]
    [InlineData(33, 40)]
    [InlineData(64, 64)]
    [InlineData(65, 80)]
    [InlineData(129, 160)]
    [InlineData(250, 256)]
    [InlineData(257, 300)]
    [InlineData(300, 300)]
    public void Rung_OfSoManyRows_HoldsThemAndFewMore(int rows, int expected) =>
        Assert.Equal(expected, new ShapeLadder(300, 4096, BlockTokens).Rung(rows, 1, 0).Sequences);

    [Theory]
    [InlineData(1, 256)]
    [InlineData(256, 256)]
    [InlineData(257, 512)]
    [InlineData(2049, 4096)]
    [InlineData(4097, 5000)]
    [InlineData(5000, 5000)]
    public void Rung_OfSoLongAContext_HoldsItsBlocks(int context, int expected)
    {
        StepShape rung = new ShapeLadder(8, 5000, BlockTokens).Rung(1, context, 3);
        Assert.Equal((expected, (expected + 15) / 16, 3), (rung.MaxContext, rung.TableBlocks, rung.MaxTopLogprobs));
    }

    /// <summary>Beyond 64 rows another kernel multiplies: a step that is padded must stay with that of its own rows.</summary>
    [Fact]
    public void Rung_OfUpTo64Rows_HasNoMore() =>
        Assert.All(Enumerable.Range(1, 64), rows => Assert.InRange(new ShapeLadder(300, 4096, BlockTokens).Rung(rows, 1, 0).Tokens, rows, 64));

    [Theory]
    [InlineData(256, 32768)]
    [InlineData(4, 256)]
    [InlineData(1, 100)]
    [InlineData(70, 5000)]
    public void RungCount_IsThatOfAllSteps(int rows, int context)
    {
        var ladder = new ShapeLadder(rows, context, BlockTokens);
        int rowRungs = Enumerable.Range(1, rows).Select(row => ladder.Rung(row, 1, 0)).Distinct().Count();
        Assert.Equal(rowRungs * Enumerable.Range(1, context).Select(at => ladder.Rung(1, at, 0)).Distinct().Count(), ladder.RungCount);
    }

    [Fact]
    public void Rungs_AreFew()
    {
        var ladder = new ShapeLadder(256, 32768, BlockTokens);
        Assert.Equal(19, Enumerable.Range(1, 256).Select(rows => ladder.Rung(rows, 1, 0)).Distinct().Count());
        Assert.Equal(8, Enumerable.Range(1, 32768).Select(context => ladder.Rung(1, context, 0)).Distinct().Count());
        Assert.All(Enumerable.Range(8, 249), rows => Assert.True(ladder.Rung(rows, 1, 0).Tokens < rows + Math.Max(8, rows / 3)));
    }
}
