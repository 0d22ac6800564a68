namespace KServePaged.Engine.Tokenization.Decoders;

/// <summary>The suffix that ends a word becomes a space, in the last token nothing.</summary>
internal sealed class BpeSuffixDecoder(string suffix) : TokenDecoder
{
    public override DecodeStage OnTokens(DecodeStage next, bool streaming) => new Stage(next, suffix);

    public override string InMiddle(string token) => suffix.Length == 0 ? token : token.Replace(suffix, " ", StringComparison.Ordinal);

    private sealed class Stage(DecodeStage next, string suffix) : DecodeStage(next)
    {
        private string? _last; // whether it is the last shows only with the next

        public override void Push(string token)
        {
            PassOn(" ");
            _last = token;
        }

        public override void Finish()
        {
            PassOn("");
            base.Finish();
        }

        private void PassOn(string replacement)
        {
            if (_last is not null)
            {
                Next.Push(suffix.Length == 0 ? Spread(_last, replacement) : _last.Replace(suffix, replacement, StringComparison.Ordinal));
            }
            _last = null;
        }

        // An empty suffix is found around every character.
        private static string Spread(string token, string replacement) =>
            replacement + string.Concat(token.EnumerateRunes().Select(rune => rune + replacement));
    }
}
