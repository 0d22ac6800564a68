namespace KServePaged.Engine.Tokenization.Decoders;

/// <summary>Changes each token by itself, knowing its place.</summary>
/// <param name="map">From the token's index and spelling to the new spelling.</param>
internal sealed class MapStage(DecodeStage next, Func<long, string, string> map) : DecodeStage(next)
{
    private long _index;

    public override void Push(string token) => Next.Push(map(_index++, token));
}
