namespace KServePaged.Quality;

/// <summary>One setting against full precision on the same tokens.</summary>
/// <param name="Tokens">How many were compared.</param>
/// <param name="Perplexity">exp of the mean surprise.</param>
/// <param name="MeanDivergence">Of the next-token distributions, in nats.</param>
/// <param name="HighDivergence">The same, 99th percentile.</param>
/// <param name="Agreement">Share of places where both find the same token most likely: what greedy decoding would choose.</param>
internal sealed record QualityFigures(int Tokens, double Perplexity, double MeanDivergence, double HighDivergence, double Agreement)
{
    private const double High = 0.99;

    public static QualityFigures Compare(IReadOnlyList<ScoredToken> full, IReadOnlyList<ScoredToken> setting)
    {
        if (full.Count == 0 || !full.Select(token => token.Id).SequenceEqual(setting.Select(token => token.Id)))
        {
            throw new ArgumentException("only the same tokens can be compared, and at least one", nameof(setting));
        }
        double[] divergences = [.. full.Zip(setting, (one, other) => one.DivergenceTo(other)).Order()];
        return new QualityFigures(
            full.Count,
            Math.Exp(setting.Average(token => token.Surprise)),
            divergences.Average(),
            divergences[(int)Math.Ceiling(High * divergences.Length) - 1],
            full.Zip(setting, (one, other) => one.MostLikely == other.MostLikely ? 1.0 : 0).Average());
    }
}
