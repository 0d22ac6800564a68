namespace KServePaged.Engine.Tokenization.Decoders;

/// <summary>Joins all tokens into one.</summary>
internal sealed class FuseDecoder : TokenDecoder
{
    public override bool Fuses => true;

    public override DecodeStage OnTokens(DecodeStage next, bool streaming) => next;

    public override DecodeStage OnFragments(DecodeStage next, bool streaming) => next;
}
