using System.Text.Json;
using KServePaged.Engine.Tokenization.Models;

namespace KServePaged.Engine.Tokenization.Reading;

/// <summary>Reads <c>["a b", …]</c> or <c>[["a", "b"], …]</c> straight from UTF-8.</summary>
internal sealed class MergesReader(Vocabulary vocabulary, int prefixLength, JsonSource source)
{
    private readonly List<Merge> _merges = new(1 << 16);
    private byte[] _scratch = [];
    private byte[] _joined = new byte[256];

    /// <param name="reader">Stands at the opening bracket; afterwards at the closing one.</param>
    public List<Merge> Read(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            throw source.Defect("an array of merges is expected");
        }
        JsonTokenType form = JsonTokenType.None;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (form != JsonTokenType.None && form != reader.TokenType)
            {
                throw Defect("merges are all strings or all pairs");
            }
            form = reader.TokenType;
            if (form == JsonTokenType.String)
            {
                ReadLine(ref reader);
            }
            else if (form == JsonTokenType.StartArray)
            {
                ReadPair(ref reader);
            }
            else
            {
                throw Defect("a merge is a string or a pair");
            }
        }
        return _merges;
    }

    private void ReadLine(ref Utf8JsonReader reader)
    {
        ReadOnlySpan<byte> line = source.TextOf(ref reader, ref _scratch);
        if (line.StartsWith("#version"u8))
        {
            return;
        }
        int space = line.IndexOf((byte)' ');
        if (space < 0 || line[(space + 1)..].Contains((byte)' '))
        {
            throw Defect("two parts with a space between are expected");
        }
        Put(line[..space], at: 0);
        Put(line[(space + 1)..], at: space);
        Add(space, line.Length - 1);
    }

    private void ReadPair(ref Utf8JsonReader reader)
    {
        int leftLength = PutString(ref reader, at: 0);
        int rightLength = PutString(ref reader, at: leftLength);
        if (!reader.Read() || reader.TokenType != JsonTokenType.EndArray)
        {
            throw Defect("a pair of strings is expected");
        }
        Add(leftLength, leftLength + rightLength);
    }

    private int PutString(ref Utf8JsonReader reader, int at)
    {
        if (!reader.Read() || reader.TokenType != JsonTokenType.String)
        {
            throw Defect("a pair of strings is expected");
        }
        ReadOnlySpan<byte> text = source.TextOf(ref reader, ref _scratch);
        Put(text, at);
        return text.Length;
    }

    private void Put(ReadOnlySpan<byte> text, int at)
    {
        if (at + text.Length > _joined.Length)
        {
            Array.Resize(ref _joined, 2 * (at + text.Length));
        }
        text.CopyTo(_joined.AsSpan(at));
    }

    private void Add(int leftLength, int length)
    {
        ReadOnlySpan<byte> text = _joined.AsSpan(0, length);
        int left = vocabulary.IdOf(text[..leftLength]), right = vocabulary.IdOf(text[leftLength..]), merged = -1;
        if (prefixLength == 0)
        {
            merged = vocabulary.IdOf(text);
        }
        else if (length - leftLength >= prefixLength)
        {
            merged = vocabulary.IdOf([.. text[..leftLength], .. text[(leftLength + prefixLength)..]]);
        }
        if (left < 0 || right < 0 || merged < 0)
        {
            throw Defect("a part of the merge, or its result, is not in the vocabulary");
        }
        _merges.Add(new Merge(left, right, merged));
    }

    private InvalidDataException Defect(string what) => source.At($"[{_merges.Count}]").Defect(what);
}
