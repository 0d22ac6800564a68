namespace KServePaged.Engine.Tokenization.Decoders;

/// <summary>SentencePiece's mark back to a space; in the first token it vanishes where one was put in front of the text.</summary>
internal sealed class MetaspaceDecoder(string mark, bool prepends) : TokenDecoder
{
    public override DecodeStage OnTokens(DecodeStage next, bool streaming) =>
        new MapStage(next, (index, token) => token.Replace(mark, index == 0 && prepends ? "" : " ", StringComparison.Ordinal));

    public override string InMiddle(string token) => token.Replace(mark, " ", StringComparison.Ordinal);

    public override DecodeStage OnFragments(DecodeStage next, bool streaming) =>
        new MapStage(next, (_, token) => token.Replace(mark, prepends ? "" : " ", StringComparison.Ordinal));
}
