namespace KServePaged.Engine.Tokenization.Text;

/// <summary>
/// GPT-2's pattern by hand, <c>'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+</c>: several times as fast as
/// the general matcher, against which the tests compare it. Every character belongs to a match.
/// </summary>
internal sealed class Gpt2Pattern : TextPattern
{
    public const string Source = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    protected override bool TryFind(ReadOnlySpan<byte> text, ref PatternScan scan, out int start, out int end)
    {
        int from = scan.From;
        start = end = from;
        if (from == text.Length)
        {
            return false;
        }
        end = from + ContractionLength(text[from..]);
        if (end > from)
        {
            return true;
        }
        int word = text[from] == ' ' && from + 1 < text.Length ? from + 1 : from;
        CharacterKind kind = CharacterKinds.At(text, word, out int length);
        end = kind is CharacterKind.Space or CharacterKind.NewLine
            ? EndOfSpaceMatch(text, from)
            : CharacterKinds.EndOfRun(text, word + length, kind);
        return true;
    }

    /// <summary>What <c>\s+(?!\S)|\s+</c> takes: white space but for its last character when something follows it.</summary>
    internal static int EndOfSpaceMatch(ReadOnlySpan<byte> text, int from)
    {
        int end = CharacterKinds.EndOfSpace(text, from);
        if (end == text.Length)
        {
            return end;
        }
        CodePoint.Before(text, end, out int last);
        return end - last > from ? end - last : end;
    }

    private static int ContractionLength(ReadOnlySpan<byte> text)
    {
        if (text.Length < 2 || text[0] != '\'')
        {
            return 0;
        }
        return text[1] switch
        {
            (byte)'s' or (byte)'t' or (byte)'m' or (byte)'d' => 2,
            (byte)'r' or (byte)'v' when text.Length > 2 && text[2] == 'e' => 3,
            (byte)'l' when text.Length > 2 && text[2] == 'l' => 3,
            _ => 0,
        };
    }
}
