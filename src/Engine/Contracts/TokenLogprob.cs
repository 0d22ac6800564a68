namespace KServePaged.Engine.Contracts;

/// <summary>A token with its natural-log probability under the raw logits.</summary>
/// <param name="TokenId">Id in the model's vocabulary.</param>
/// <param name="Text">The token's own text, special tokens spelled out; empty where the model has no tokenizer.</param>
/// <param name="Bytes">The bytes it contributes (a token may hold part of a character); empty where the model has no tokenizer.</param>
/// <param name="Logprob">log-softmax of the unprocessed logits; null for the first prompt token, which nothing predicts.</param>
/// <param name="Rank">1 = most likely.</param>
/// <param name="Top">The most likely alternatives, best first; empty where none were asked for.</param>
public sealed record TokenLogprob(
    int TokenId, string Text, ReadOnlyMemory<byte> Bytes, float? Logprob, int Rank, IReadOnlyList<TokenLogprob> Top);
