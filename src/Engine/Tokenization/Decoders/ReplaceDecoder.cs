using System.Text;
using KServePaged.Engine.Tokenization.Text;

namespace KServePaged.Engine.Tokenization.Decoders;

/// <summary>Replaces every match of a pattern in each token.</summary>
/// <param name="pattern">What is looked for.</param>
/// <param name="literal">The pattern as a fixed text, or null: such a pattern can be found in a stream.</param>
/// <param name="content">What stands there afterwards.</param>
internal sealed class ReplaceDecoder(TextPattern pattern, string? literal, string content) : TokenDecoder
{
    private readonly Normalizers.ReplaceNormalizer _replace = new(pattern, Encoding.UTF8.GetBytes(content));

    public override DecodeStage OnTokens(DecodeStage next, bool streaming) => new MapStage(next, (_, token) => InMiddle(token));

    public override DecodeStage OnFragments(DecodeStage next, bool streaming) =>
        string.IsNullOrEmpty(literal) ? base.OnFragments(next, streaming) : new LiteralStage(next, literal, content);

    public override string InMiddle(string token)
    {
        if (!string.IsNullOrEmpty(literal))
        {
            return token.Replace(literal, content, StringComparison.Ordinal);
        }
        var output = new Utf8Buffer();
        _replace.Normalize(Encoding.UTF8.GetBytes(token), output);
        return Encoding.UTF8.GetString(output.Written);
    }

    /// <summary>Holds back only what may be the beginning of a match.</summary>
    private sealed class LiteralStage(DecodeStage next, string literal, string content) : DecodeStage(next)
    {
        private string _held = "";

        public override void Push(string token)
        {
            string text = _held + token;
            int last = text.LastIndexOf(literal, StringComparison.Ordinal);
            int keep = Math.Min(literal.Length - 1, text.Length);
            while (!literal.AsSpan().StartsWith(text.AsSpan(text.Length - keep)))
            {
                keep--;
            }
            // Matches are taken from the left, so one that overlaps the tail decides where the tail begins.
            int cut = last < 0 ? text.Length - keep : Math.Max(EndOfMatches(text), text.Length - keep);
            _held = text[cut..];
            Next.Push(text[..cut].Replace(literal, content, StringComparison.Ordinal));
        }

        public override void Finish()
        {
            Next.Push(_held);
            _held = "";
            base.Finish();
        }

        private int EndOfMatches(string text)
        {
            int end = 0;
            for (int at = text.IndexOf(literal, StringComparison.Ordinal); at >= 0; at = text.IndexOf(literal, end, StringComparison.Ordinal))
            {
                end = at + literal.Length;
            }
            return end;
        }
    }
}
