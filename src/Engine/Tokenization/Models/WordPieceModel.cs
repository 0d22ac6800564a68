using KServePaged.Engine.Tokenization.Text;

namespace KServePaged.Engine.Tokenization.Models;

/// <summary>BERT's model: the longest token that begins the word, then the longest that continues it; one gap makes the word unknown.</summary>
/// <param name="vocabulary">Tokens; those that continue a word with the prefix.</param>
/// <param name="unknownId">The unknown token, or -1.</param>
/// <param name="continuingPrefix">Put before what continues a word.</param>
/// <param name="maxCharacters">Longer words are unknown.</param>
internal sealed class WordPieceModel(Vocabulary vocabulary, int unknownId, byte[] continuingPrefix, int maxCharacters) : TokenModel(vocabulary)
{
    public override void Tokenize(ReadOnlySpan<byte> word, List<int> ids)
    {
        int before = ids.Count;
        if (CodePoint.CountOf(word) > maxCharacters || !TryCover(word, ids))
        {
            ids.RemoveRange(before, ids.Count - before);
            ids.Add(unknownId >= 0 ? unknownId : throw UnknownText());
        }
    }

    private bool TryCover(ReadOnlySpan<byte> word, List<int> ids)
    {
        byte[] spelling = [.. continuingPrefix, .. word];
        for (int start = 0; start < word.Length;)
        {
            int end = word.Length, id = -1;
            while (end > start)
            {
                continuingPrefix.CopyTo(spelling, start);
                id = start == 0 ? Vocabulary.IdOf(word[..end]) : Vocabulary.IdOf(spelling.AsSpan(start, continuingPrefix.Length + end - start));
                if (id >= 0)
                {
                    break;
                }
                CodePoint.Before(word, end, out int length);
                end -= length;
            }
            if (id < 0)
            {
                return false;
            }
            ids.Add(id);
            start = end;
        }
        return true;
    }
}
