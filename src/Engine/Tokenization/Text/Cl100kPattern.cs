namespace KServePaged.Engine.Tokenization.Text;

/// <summary>
/// The pattern of cl100k, Llama 3 and Qwen 2 by hand; they differ in how many digits stand together. Fast where the general matcher is
/// slow; the tests compare the two. Every character belongs to a match.
/// </summary>
internal sealed class Cl100kPattern(int maxDigits) : TextPattern
{
    protected override bool TryFind(ReadOnlySpan<byte> text, ref PatternScan scan, out int start, out int end)
    {
        int from = scan.From;
        start = end = from;
        if (from == text.Length)
        {
            return false;
        }
        end = from + ContractionLength(text[from..]);
        if (end == from)
        {
            end = EndOfMatch(text, from);
        }
        return true;
    }

    /// <summary>The pattern as published.</summary>
    /// <param name="digits"><c>\p{N}{1,3}</c> or <c>\p{N}</c>.</param>
    public static string SourceWith(string digits) =>
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|" + digits + @"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private int EndOfMatch(ReadOnlySpan<byte> text, int from)
    {
        CharacterKind kind = CharacterKinds.At(text, from, out int length);
        int next = from + length;
        if (kind == CharacterKind.Letter)
        {
            return CharacterKinds.EndOfRun(text, next, CharacterKind.Letter);
        }
        if (kind == CharacterKind.Number)
        {
            for (int digits = 1; digits < maxDigits && next < text.Length; digits++)
            {
                if (CharacterKinds.At(text, next, out length) != CharacterKind.Number)
                {
                    break;
                }
                next += length;
            }
            return next;
        }
        CharacterKind following = next < text.Length ? CharacterKinds.At(text, next, out length) : CharacterKind.Space;
        if (kind != CharacterKind.NewLine && following == CharacterKind.Letter)
        {
            return CharacterKinds.EndOfRun(text, next + length, CharacterKind.Letter);
        }
        if (kind == CharacterKind.Other || (text[from] == ' ' && following == CharacterKind.Other))
        {
            return CharacterKinds.EndOfRun(text, CharacterKinds.EndOfRun(text, next, CharacterKind.Other), CharacterKind.NewLine);
        }
        return EndOfSpace(text, from);
    }

    // \s*[\r\n]+ takes white space up to its last line break; without one \s+(?!\S)|\s+ decide.
    private static int EndOfSpace(ReadOnlySpan<byte> text, int from)
    {
        int end = CharacterKinds.EndOfSpace(text, from);
        int lastBreak = text[from..end].LastIndexOfAny((byte)'\r', (byte)'\n');
        return lastBreak >= 0 ? from + lastBreak + 1 : Gpt2Pattern.EndOfSpaceMatch(text, from);
    }

    private static int ContractionLength(ReadOnlySpan<byte> text)
    {
        if (text.Length < 2 || text[0] != '\'')
        {
            return 0;
        }
        int second = text[1] | 0x20, third = text.Length > 2 ? text[2] | 0x20 : 0;
        return second switch
        {
            's' or 't' or 'm' or 'd' => 2,
            'r' or 'v' when third == 'e' => 3,
            'l' when third == 'l' => 3,
            _ => text.Length > 2 && text[1] == 0xC5 && text[2] == 0xBF ? 3 : 0, // U+017F folds to s
        };
    }
}
