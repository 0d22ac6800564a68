namespace KServePaged.Engine.Tokenization.Decoders;

/// <summary>Takes one character off the ends of each token, at most so many times.</summary>
internal sealed class StripDecoder(string character, int start, int stop) : TokenDecoder
{
    public override DecodeStage OnTokens(DecodeStage next, bool streaming) => new MapStage(next, (_, token) => InMiddle(token));

    public override DecodeStage OnFragments(DecodeStage next, bool streaming) => new FragmentStage(next, character, start, stop);

    public override string InMiddle(string token)
    {
        int from = 0, end = token.Length;
        for (int i = 0; i < start && token.AsSpan(from).StartsWith(character); i++)
        {
            from += character.Length;
        }
        for (int i = 0; i < stop && token.AsSpan(0, end).EndsWith(character); i++)
        {
            end -= character.Length;
        }
        return end > from ? token[from..end] : "";
    }

    /// <summary>The same over a text that comes in fragments: a run of the character at the end waits for what follows.</summary>
    private sealed class FragmentStage(DecodeStage next, string character, int start, int stop) : DecodeStage(next)
    {
        private int _toStrip = start;
        private int _trailing;

        public override void Push(string token)
        {
            if (token.Length == 0)
            {
                return;
            }
            int from = 0;
            for (; _toStrip > 0 && from < token.Length; _toStrip--)
            {
                if (!token.AsSpan(from).StartsWith(character))
                {
                    _toStrip = 0;
                    break;
                }
                from += character.Length;
            }
            int end = token.Length;
            int run = 0;
            for (; stop > 0 && end > from && token.AsSpan(from, end - from).EndsWith(character); run++)
            {
                end -= character.Length;
            }
            if (end > from)
            {
                Release(_trailing);
                _trailing = 0;
                Next.Push(token[from..end]);
            }
            _trailing += run;
            int excess = _trailing - stop;
            if (excess > 0)
            {
                Release(excess);
                _trailing = stop;
            }
        }

        private void Release(int count)
        {
            if (count > 0)
            {
                Next.Push(string.Concat(Enumerable.Repeat(character, count)));
            }
        }
    }
}
