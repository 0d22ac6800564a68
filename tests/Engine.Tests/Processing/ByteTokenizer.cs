using System.Text;
using KServePaged.Engine.Tokenization;

namespace KServePaged.Engine.Tests.Processing;

/// <summary>A small tokenizer whose tokens are given as bytes, so that a character may be split: ids 0 and 1 are the special tokens &lt;s&gt; and &lt;/s&gt;.</summary>
internal sealed class ByteTokenizer : ITokenizer
{
    public const int Begin = 0;
    public const int End = 1;
    private readonly byte[][] _tokens;

    public ByteTokenizer(params byte[][] tokens) => _tokens = [Encoding.UTF8.GetBytes("<s>"), Encoding.UTF8.GetBytes("</s>"), .. tokens];

    /// <summary>One token for each printable ASCII character.</summary>
    public static ByteTokenizer Ascii() => new([.. Enumerable.Range(32, 95).Select(c => new[] { (byte)c })]);

    public static int IdOfCharacter(char c) => c - 32 + 2;

    public int VocabularySize => _tokens.Length;

    public int LongestTokenLength => _tokens.Max(token => token.Length);

    public int EncodeCalls { get; private set; }

    public int[] Encode(string text, bool addSpecialTokens)
    {
        EncodeCalls++;
        IEnumerable<int> ids = Encoding.UTF8.GetBytes(text).Select(b => Array.FindIndex(_tokens, 2, token => token.Length == 1 && token[0] == b));
        return addSpecialTokens ? [Begin, .. ids] : [.. ids];
    }

    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens)
    {
        var text = new StringBuilder();
        IncrementalDetokenizer detokenizer = CreateDetokenizer(skipSpecialTokens);
        foreach (int id in ids)
        {
            text.Append(detokenizer.Add(id));
        }
        return text.Append(detokenizer.Finish()).ToString();
    }

    public string? TokenOf(int id) => id < _tokens.Length ? Encoding.Latin1.GetString(_tokens[id]) : null;

    public int? IdOf(string token) => Array.FindIndex(_tokens, bytes => Encoding.Latin1.GetString(bytes) == token) is var id and >= 0 ? id : null;

    public bool IsSpecial(int id) => id is Begin or End;

    public ReadOnlyMemory<byte> BytesOf(int id) => id < _tokens.Length ? _tokens[id] : default;

    public IncrementalDetokenizer CreateDetokenizer(bool skipSpecialTokens) => new Detokenizer(this, skipSpecialTokens);

    private sealed class Detokenizer(ByteTokenizer owner, bool skipSpecialTokens) : IncrementalDetokenizer
    {
        private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();

        public override string Add(int id) => skipSpecialTokens && owner.IsSpecial(id) ? "" : Decode(owner._tokens[id], flush: false);

        public override string Finish() => Decode([], flush: true);

        private string Decode(byte[] bytes, bool flush)
        {
            char[] characters = new char[bytes.Length + 4];
            return new string(characters, 0, _decoder.GetChars(bytes, characters, flush));
        }
    }
}
