using System.Text;

namespace KServePaged.Engine.Tokenization.Decoders;

/// <summary>Reads tokens spelled in the byte-level alphabet as bytes, others as their UTF-8, and the bytes of all as one text.</summary>
internal sealed class ByteLevelDecoder : TokenDecoder
{
    public override bool Fuses => true;

    public override DecodeStage OnTokens(DecodeStage next, bool streaming) => new Stage(next);

    /// <summary>The bytes of a token in the middle of a text.</summary>
    public static byte[] BytesOf(string token)
    {
        var bytes = new byte[token.Length];
        for (int i = 0; i < token.Length; i++)
        {
            int value = ByteLevelAlphabet.ByteOf(token[i]);
            if (value < 0)
            {
                return Encoding.UTF8.GetBytes(token);
            }
            bytes[i] = (byte)value;
        }
        return bytes;
    }

    private sealed class Stage(DecodeStage next) : DecodeStage(next)
    {
        private readonly Utf8Assembler _assembler = new();

        public override bool HoldsPartialCharacter => _assembler.HoldsPartialCharacter;

        public override void Push(string token) => Next.Push(_assembler.Append(BytesOf(token)));

        public override void Finish()
        {
            Next.Push(_assembler.Finish());
            base.Finish();
        }
    }
}
