namespace KServePaged.Engine.Tokenization.Decoders;

/// <summary>Speech models' output: repeated tokens count once, padding vanishes, the delimiter is a space.</summary>
internal sealed class CtcDecoder(string padToken, string wordDelimiter, bool cleanUp) : TokenDecoder
{
    public override DecodeStage OnTokens(DecodeStage next, bool streaming) => new Stage(next, this);

    public override string InMiddle(string token)
    {
        string text = padToken.Length == 0 ? token : token.Replace(padToken, "", StringComparison.Ordinal);
        if (cleanUp)
        {
            text = WordPieceDecoder.CleanUp(text);
            text = wordDelimiter.Length == 0 ? text : text.Replace(wordDelimiter, " ", StringComparison.Ordinal);
        }
        return text;
    }


    private sealed class Stage(DecodeStage next, CtcDecoder decoder) : DecodeStage(next)
    {
        private string? _previous;

        public override void Push(string token)
        {
            if (token == _previous)
            {
                return;
            }
            _previous = token;
            string text = decoder.InMiddle(token);
            if (text.Length > 0)
            {
                Next.Push(text);
            }
        }
    }
}
