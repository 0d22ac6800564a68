using KServePaged.Engine.Tokenization.Text;

namespace KServePaged.Engine.Tokenization.PreTokenizers;

/// <summary>GPT-2's pre-tokenizer: a leading space if wanted, its pattern if wanted, then bytes.</summary>
/// <param name="addPrefixSpace">A piece that does not begin with a space gets one.</param>
/// <param name="useRegex">Cut with GPT-2's pattern.</param>
/// <param name="spell">Write the bytes in the byte-level alphabet; otherwise the model takes them raw.</param>
internal sealed class ByteLevelPreTokenizer(bool addPrefixSpace, bool useRegex, bool spell) : PreTokenizer
{
    private static readonly SplitPreTokenizer Words = new(new Gpt2Pattern(), SplitBehavior.Isolated, invert: false);

    public override void Apply(PieceText text)
    {
        if (addPrefixSpace)
        {
            foreach (Piece piece in text.BeginRewrite())
            {
                int start = text.Output.Length;
                if (piece.IsText && text.OldTextOf(piece)[0] != ' ')
                {
                    text.Output.Append((byte)' ');
                }
                text.Output.Append(text.OldTextOf(piece));
                text.Add(piece with { Start = start, Length = text.Output.Length - start });
            }
        }
        if (useRegex)
        {
            Words.Apply(text);
        }
        if (spell)
        {
            foreach (Piece piece in text.BeginRewrite())
            {
                int start = text.Output.Length;
                ByteLevelAlphabet.Spell(text.OldTextOf(piece), text.Output);
                text.Add(piece with { Start = start, Length = text.Output.Length - start });
            }
        }
    }
}
