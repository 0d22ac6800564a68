using System.Buffers;
using System.Text;

namespace KServePaged.Engine.Tokenization.Decoders;

/// <summary>Bytes that come in parts to text. What cannot be UTF-8 becomes U+FFFD, one for each longest beginning of a character.</summary>
internal sealed class Utf8Assembler
{
    private byte[] _partial = [];

    public bool HoldsPartialCharacter => _partial.Length > 0;

    public string Append(byte[] bytes)
    {
        byte[] all = _partial.Length == 0 ? bytes : [.. _partial, .. bytes];
        int whole = all.Length - PartialLength(all);
        _partial = all[whole..];
        return Encoding.UTF8.GetString(all, 0, whole);
    }

    public string Finish()
    {
        string rest = Encoding.UTF8.GetString(_partial);
        _partial = [];
        return rest;
    }

    private static int PartialLength(ReadOnlySpan<byte> bytes)
    {
        for (int length = 1; length <= Math.Min(3, bytes.Length); length++)
        {
            byte first = bytes[^length];
            if (first is < 0x80 or >= 0xC0)
            {
                return Rune.DecodeFromUtf8(bytes[^length..], out _, out _) == OperationStatus.NeedMoreData ? length : 0;
            }
        }
        return 0;
    }
}
