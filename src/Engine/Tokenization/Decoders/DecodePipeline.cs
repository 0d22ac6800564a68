using System.Text;

namespace KServePaged.Engine.Tokenization.Decoders;

/// <summary>A chain of decoders at work on one output.</summary>
internal sealed class DecodePipeline
{
    private readonly DecodeStage _first;
    private readonly List<DecodeStage> _stages = [];

    public DecodePipeline(IReadOnlyList<TokenDecoder> chain, bool streaming)
    {
        DecodeStage stage = new TextStage(Text);
        for (int i = chain.Count - 1; i >= 0; i--)
        {
            bool fused = chain.Take(i).Any(decoder => decoder.Fuses);
            stage = fused ? chain[i].OnFragments(stage, streaming) : chain[i].OnTokens(stage, streaming);
            _stages.Add(stage);
        }
        _first = stage;
    }

    /// <summary>The text decided so far; the reader may take it out.</summary>
    public StringBuilder Text { get; } = new();

    public bool HoldsPartialCharacter => _stages.Exists(stage => stage.HoldsPartialCharacter);

    /// <summary>The bytes that a token contributes in the middle of a text; they need not be whole characters.</summary>
    public static byte[] BytesInMiddle(IReadOnlyList<TokenDecoder> chain, string token)
    {
        bool fused = false;
        foreach (TokenDecoder decoder in chain)
        {
            if (decoder is ByteLevelDecoder)
            {
                return ByteLevelDecoder.BytesOf(token);
            }
            if (decoder is ByteFallbackDecoder && ByteFallbackDecoder.ByteOf(token) is var value and >= 0)
            {
                return [(byte)value];
            }
            // Of one token for the whole text only a replacement reaches the middle.
            token = fused && decoder is not ReplaceDecoder ? token : decoder.InMiddle(token);
            fused |= decoder.Fuses;
        }
        return Encoding.UTF8.GetBytes(token);
    }

    public void Push(string token) => _first.Push(token);

    public void Finish() => _first.Finish();

    private sealed class TextStage(StringBuilder text) : DecodeStage(null)
    {
        public override void Push(string token) => text.Append(token);

        public override void Finish()
        {
        }
    }
}
