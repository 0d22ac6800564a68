using KServePaged.Engine.Contracts;

namespace KServePaged.Engine.Sampling;

/// <summary>
/// The sampling state of one sequence: resolved parameters, penalty counts, bias, seed. Observes every token of the sequence.
/// Engine thread only.
/// </summary>
internal sealed class SequenceSampling
{
    public SequenceSampling(SamplingParameters parameters, ulong seed, int vocabularySize, IReadOnlyList<int> endTokenIds)
    {
        _ = parameters;
        _ = vocabularySize;
        _ = endTokenIds;
        Seed = seed;
    }

    private int _observed;

    public ulong Seed { get; }

    /// <summary>Counts a prompt token (repetition penalty looks at it).</summary>
    public void ObservePrompt(ReadOnlySpan<int> tokens) => _observed += tokens.Length;

    /// <summary>Counts a generated token.</summary>
    public void ObserveOutput(int token) => _observed++;
}
