using KServePaged.Engine.Contracts;

namespace KServePaged.Engine.Core;

/// <summary>One thing that happened to an output: a token, its end, or both.</summary>
/// <param name="OutputIndex">Which of the request's outputs.</param>
/// <param name="TokenId">-1: no token came, the output only ends.</param>
/// <param name="Logprob">Only meaningful where log-probabilities were asked for, like the rest.</param>
/// <param name="Rank">1 = most likely.</param>
/// <param name="TopCount">Alternatives that this record has in its batch's lists.</param>
/// <param name="IsPrompt">The token belongs to the prompt, and was scored rather than drawn.</param>
/// <param name="Finish">Null = the output goes on.</param>
internal readonly record struct OutputRecord(
    int OutputIndex, int TokenId, float Logprob, int Rank, int TopCount, bool IsPrompt, FinishReason? Finish);
