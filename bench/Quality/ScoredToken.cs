using KServePaged.Engine.Contracts;

namespace KServePaged.Quality;

/// <summary>A token of a text, and what the model expected in its place.</summary>
/// <param name="Id">The token.</param>
/// <param name="Logprobs">Natural-log probability of every token of the vocabulary.</param>
internal sealed record ScoredToken(int Id, float[] Logprobs)
{
    public double Surprise => -Logprobs[Id];

    public int MostLikely => Array.IndexOf(Logprobs, Logprobs.Max());

    public static ScoredToken Of(TokenLogprob token, int vocabulary)
    {
        if (token.Top.Count != vocabulary)
        {
            throw new InvalidOperationException($"{token.Top.Count} log-probabilities for a vocabulary of {vocabulary}");
        }
        float[] logprobs = new float[vocabulary];
        foreach (TokenLogprob alternative in token.Top)
        {
            logprobs[alternative.TokenId] = alternative.Logprob ?? throw new InvalidOperationException("an alternative without log-probability");
        }
        return new ScoredToken(token.TokenId, logprobs);
    }

    /// <summary>Kullback-Leibler divergence in nats: what it costs to expect the other's distribution where this one is true.</summary>
    public double DivergenceTo(ScoredToken other)
    {
        double sum = 0;
        for (int id = 0; id < Logprobs.Length; id++)
        {
            sum += Math.Exp(Logprobs[id]) * ((double)Logprobs[id] - other.Logprobs[id]);
        }
        return Math.Max(0, sum); // fp32's rounding can bring equal distributions a hair below
    }
}
