using KServePaged.Engine.Contracts;

namespace KServePaged.Engine.Processing;

/// <summary>Log-probabilities with the tokens spelled out.</summary>
internal static class Logprobs
{
    public static TokenLogprob Of(in SampledToken token, TextCodec codec)
    {
        var top = new TokenLogprob[token.TopIds.Length];
        for (int i = 0; i < top.Length; i++)
        {
            (string topText, ReadOnlyMemory<byte> topBytes) = codec.Spell(token.TopIds[i]);
            top[i] = new TokenLogprob(token.TopIds[i], topText, topBytes, token.TopLogprobs[i], i + 1, []);
        }
        (string text, ReadOnlyMemory<byte> bytes) = codec.Spell(token.Id);
        return new TokenLogprob(token.Id, text, bytes, token.Logprob, token.Rank, top);
    }

    /// <summary>The first token of a prompt: nothing comes before it that could predict it.</summary>
    public static TokenLogprob OfFirst(int id, TextCodec codec)
    {
        (string text, ReadOnlyMemory<byte> bytes) = codec.Spell(id);
        return new TokenLogprob(id, text, bytes, Logprob: null, Rank: 0, []);
    }
}
