using System.Text;

namespace KServePaged.Engine.Tokenization.Decoders;

/// <summary>Gathers the fragments of one token and decodes it at the end: right for every decoder, but nothing streams.</summary>
internal sealed class BufferedStage(DecodeStage next, TokenDecoder decoder) : DecodeStage(next)
{
    private readonly StringBuilder _token = new();

    public override void Push(string token) => _token.Append(token);

    public override void Finish()
    {
        DecodeStage stage = decoder.OnTokens(Next, streaming: false);
        stage.Push(_token.ToString());
        stage.Finish();
    }
}
