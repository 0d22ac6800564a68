namespace KServePaged.Engine.Tokenization.Decoders;

/// <summary>What stands for a decoder where the file has none: a space between tokens.</summary>
internal sealed class SpaceJoinDecoder : TokenDecoder
{
    public override string InMiddle(string token) => " " + token;

    public override DecodeStage OnTokens(DecodeStage next, bool streaming) =>
        new MapStage(next, (index, token) => index == 0 ? token : " " + token);
}
