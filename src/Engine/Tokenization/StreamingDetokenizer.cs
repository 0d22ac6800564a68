using KServePaged.Engine.Tokenization.Decoders;

namespace KServePaged.Engine.Tokenization;

/// <summary>Decodes one token at a time through the same stages as the whole, so nothing is decoded twice.</summary>
/// <param name="formOf">The spelling that the decoders get for an id; null contributes nothing.</param>
/// <param name="pipeline">This output's own.</param>
internal sealed class StreamingDetokenizer(Func<int, string?> formOf, DecodePipeline pipeline) : IncrementalDetokenizer
{
    // Text that ends in U+FFFD is held back, for most such endings turn into a character. A model that has lost itself in broken bytes
    // must not hold it for ever: a character has at most four tokens.
    private const int MaxHeldTokens = 16;

    private int _held;

    public override string Add(int id)
    {
        if (formOf(id) is not { } token)
        {
            return "";
        }
        pipeline.Push(token);
        bool mayStillChange = pipeline.HoldsPartialCharacter || (pipeline.Text.Length > 0 && pipeline.Text[^1] == '\uFFFD');
        if (mayStillChange && ++_held < MaxHeldTokens)
        {
            return "";
        }
        return Take();
    }

    public override string Finish()
    {
        pipeline.Finish();
        return Take();
    }

    private string Take()
    {
        _held = 0;
        string text = pipeline.Text.ToString();
        pipeline.Text.Clear();
        return text;
    }
}
