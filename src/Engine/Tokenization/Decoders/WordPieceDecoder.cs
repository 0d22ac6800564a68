namespace KServePaged.Engine.Tokenization.Decoders;

/// <summary>Joins word pieces: those with the prefix to the token before, others with a space.</summary>
internal sealed class WordPieceDecoder(string prefix, bool cleanUp) : TokenDecoder
{
    private static readonly (string From, string To)[] Artifacts =
    [
        (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"), (" do not", " don't"), (" 's", "'s"),
        (" 've", "'ve"), (" 're", "'re"),
    ];

    public override DecodeStage OnTokens(DecodeStage next, bool streaming) => new MapStage(next, Join);

    public override string InMiddle(string token) => Join(1, token);

    /// <summary>Takes back what tokenizing did to English punctuation and contractions.</summary>
    public static string CleanUp(string text)
    {
        foreach ((string from, string to) in Artifacts)
        {
            text = text.Replace(from, to, StringComparison.Ordinal);
        }
        return text;
    }

    private string Join(long index, string token)
    {
        if (index > 0)
        {
            token = token.StartsWith(prefix, StringComparison.Ordinal) ? token[prefix.Length..] : " " + token;
        }
        return cleanUp ? CleanUp(token) : token;
    }
}
