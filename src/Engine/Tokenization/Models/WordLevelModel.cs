namespace KServePaged.Engine.Tokenization.Models;

/// <summary>A word is a token or unknown.</summary>
internal sealed class WordLevelModel(Vocabulary vocabulary, int unknownId) : TokenModel(vocabulary)
{
    public override void Tokenize(ReadOnlySpan<byte> word, List<int> ids)
    {
        int id = Vocabulary.IdOf(word);
        ids.Add(id >= 0 ? id : unknownId >= 0 ? unknownId : throw UnknownText());
    }
}
