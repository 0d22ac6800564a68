using KServePaged.Quality;

namespace KServePaged.Bench.Tests.Quality;

public sealed class QualityFiguresTests
{
    [Fact]
    public void DivergenceTo_IsKullbackLeibler()
    {
        ScoredToken half = Token(0, 0.5, 0.5);
        ScoredToken quarter = Token(0, 0.25, 0.75);
        Assert.Equal(0.5 * Math.Log(2) + 0.5 * Math.Log(2 / 3.0), half.DivergenceTo(quarter), 1e-7);
        Assert.Equal(0.25 * Math.Log(0.5) + 0.75 * Math.Log(1.5), quarter.DivergenceTo(half), 1e-7);
        Assert.Equal(0, half.DivergenceTo(half));
    }

    [Fact]
    public void Compare_AveragesOverTheTokens()
    {
        ScoredToken[] full = [Token(0, 0.9, 0.1), Token(1, 0.6, 0.4)];
        ScoredToken[] other = [Token(0, 0.8, 0.2), Token(1, 0.3, 0.7)];
        QualityFigures figures = QualityFigures.Compare(full, other);
        Assert.Equal(2, figures.Tokens);
        Assert.Equal(0.5, figures.Agreement);
        Assert.Equal(1 / Math.Sqrt(0.8 * 0.7), figures.Perplexity, 1e-6);
        Assert.Equal((full[0].DivergenceTo(other[0]) + full[1].DivergenceTo(other[1])) / 2, figures.MeanDivergence, 1e-12);
        Assert.Equal(full[1].DivergenceTo(other[1]), figures.HighDivergence);
    }

    [Fact]
    public void Compare_OfOtherTokens_Refuses() => Assert.Throws<ArgumentException>(() => QualityFigures.Compare([Token(0, 0.5, 0.5)], [Token(1, 0.5, 0.5)]));

    [Fact]
    public void WriteInto_ReplacesWhatStandsBetweenTheMarks()
    {
        string path = Path.GetTempFileName();
        try
        {
            const string Begin = "<!-- quality: written by bench/Quality -->";
            const string End = "<!-- quality: end -->";
            File.WriteAllText(path, $"before\n{Begin}\nold\n{End}\nafter\n");
            var table = new QualityTable();
            table.AddModel("model");
            table.Add("--quantization int8", new QualityFigures(10, 2.5, 0.001234, 0.01, 0.995));
            table.WriteInto(path);
            string written = File.ReadAllText(path);
            Assert.StartsWith($"before\n{Begin}\n\n**model**\n", written, StringComparison.Ordinal);
            Assert.Contains("| `--quantization int8` | 0.00123 | 0.0100 | 99.50 % | 2.500 |", written, StringComparison.Ordinal);
            Assert.EndsWith($"\n{End}\nafter\n", written, StringComparison.Ordinal);
            Assert.DoesNotContain("old", written, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static ScoredToken Token(int id, params double[] probabilities) => new(id, [.. probabilities.Select(value => (float)Math.Log(value))]);
}
