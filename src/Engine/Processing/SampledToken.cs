using KServePaged.Engine.Contracts;

namespace KServePaged.Engine.Processing;

/// <summary>A token as the sampler reports it, with the alternatives that were asked for.</summary>
/// <param name="id">-1: no token, the output only ends.</param>
/// <param name="finish">Why the core ended the output with it; null = it goes on.</param>
internal readonly ref struct SampledToken(
    int id, float logprob, int rank, ReadOnlySpan<int> topIds, ReadOnlySpan<float> topLogprobs, FinishReason? finish)
{
    public int Id { get; } = id;

    public float Logprob { get; } = logprob;

    public int Rank { get; } = rank;

    public ReadOnlySpan<int> TopIds { get; } = topIds;

    public ReadOnlySpan<float> TopLogprobs { get; } = topLogprobs;

    public FinishReason? Finish { get; } = finish;
}
