using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using KServePaged.Engine.Tokenization.Text;

namespace KServePaged.Engine.Tokenization.Normalizers;

/// <summary>
/// SentencePiece's compiled replacements: a double-array trie from byte strings to texts. Short grapheme clusters are looked up whole,
/// and the shortest prefix found counts; otherwise each character by itself. Strange, but models were trained with it.
/// </summary>
internal sealed class CharsMapNormalizer : Normalizer
{
    private const int LongestCluster = 5;

    private readonly uint[] _trie;
    private readonly byte[] _texts;

    private CharsMapNormalizer(uint[] trie, byte[] texts)
    {
        _trie = trie;
        _texts = texts;
    }

    /// <returns>The normalizer, or null when the bytes are no such map.</returns>
    public static CharsMapNormalizer? TryRead(ReadOnlySpan<byte> map)
    {
        if (map.Length < 4)
        {
            return null;
        }
        uint trieBytes = BinaryPrimitives.ReadUInt32LittleEndian(map);
        if (trieBytes % 4 != 0 || trieBytes == 0 || trieBytes > map.Length - 4)
        {
            return null;
        }
        var trie = new uint[trieBytes / 4];
        for (int i = 0; i < trie.Length; i++)
        {
            trie[i] = BinaryPrimitives.ReadUInt32LittleEndian(map[(4 + (4 * i))..]);
        }
        byte[] texts = map[(4 + (int)trieBytes)..].ToArray();
        return System.Text.Unicode.Utf8.IsValid(texts) ? new CharsMapNormalizer(trie, texts) : null;
    }

    public override int Shrinkage => int.MaxValue;

    public override bool Normalize(ReadOnlySpan<byte> text, Utf8Buffer output)
    {
        string clusters = Encoding.UTF8.GetString(text);
        for (int at = 0, from = 0; at < clusters.Length;)
        {
            int chars = StringInfo.GetNextTextElementLength(clusters, at);
            int bytes = Encoding.UTF8.GetByteCount(clusters.AsSpan(at, chars));
            NormalizeCluster(text.Slice(from, bytes), output);
            at += chars;
            from += bytes;
        }
        return true;
    }

    private void NormalizeCluster(ReadOnlySpan<byte> cluster, Utf8Buffer output)
    {
        if (cluster.Length <= LongestCluster && TryFind(cluster, out ReadOnlySpan<byte> whole))
        {
            output.Append(whole);
            return;
        }
        for (int at = 0, length; at < cluster.Length; at += length)
        {
            length = CodePoint.LengthAt(cluster, at);
            ReadOnlySpan<byte> character = cluster.Slice(at, length);
            output.Append(TryFind(character, out ReadOnlySpan<byte> replacement) ? replacement : character);
        }
    }

    private bool TryFind(ReadOnlySpan<byte> key, out ReadOnlySpan<byte> text)
    {
        text = default;
        uint node = Offset(_trie[0]);
        foreach (byte value in key)
        {
            node ^= value;
            if (value == 0 || node >= _trie.Length || (_trie[node] & 0x800000FF) != value)
            {
                return false;
            }
            uint unit = _trie[node];
            node ^= Offset(unit);
            if ((unit & 0x100) != 0)
            {
                uint start = node < _trie.Length ? _trie[node] & 0x7FFFFFFF : uint.MaxValue;
                if (start > _texts.Length)
                {
                    return false;
                }
                ReadOnlySpan<byte> rest = _texts.AsSpan((int)start);
                int end = rest.IndexOf((byte)0);
                text = end < 0 ? rest : rest[..end];
                return true;
            }
        }
        return false;
    }

    private static uint Offset(uint unit) => (unit >> 10) << (int)((unit & 0x200) >> 6);
}
