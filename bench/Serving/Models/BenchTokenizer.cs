using System.Text.Json;

namespace KServePaged.Serving.Models;

/// <summary>A byte-level BPE of any size, made up: specials, the bytes, pairs of letters, then pairs of pairs. Both servers get the same one.</summary>
internal sealed class BenchTokenizer
{
    public const int Unknown = 0;
    public const int Begin = 1;
    public const int End = 2;
    public const int Specials = 3;

    private readonly List<string> _tokens = ["<unk>", "<s>", "</s>"];
    private readonly List<(string Left, string Right)> _merges = [];

    private BenchTokenizer()
    {
    }

    public IReadOnlyList<string> Tokens => _tokens;

    public IReadOnlyList<(string Left, string Right)> Merges => _merges;

    public static BenchTokenizer Create(int vocab)
    {
        var tokenizer = new BenchTokenizer();
        tokenizer._tokens.AddRange(Enumerable.Range(0, 256).Select(value => ByteCharacter(value).ToString()));
        string[] letters = [.. Enumerable.Range('a', 26).Select(letter => ((char)letter).ToString())];
        string[] pairs = [.. letters.SelectMany(_ => letters, (first, second) => first + second)];
        var merges = letters.SelectMany(_ => letters, (first, second) => (first, second))
            .Concat(letters.Select(letter => (ByteCharacter(' ').ToString(), letter)))
            .Concat(pairs.SelectMany(_ => pairs, (first, second) => (first, second)));
        foreach ((string left, string right) in merges.Take(vocab - tokenizer._tokens.Count))
        {
            tokenizer._tokens.Add(left + right);
            tokenizer._merges.Add((left, right));
        }
        return tokenizer._tokens.Count == vocab ? tokenizer : throw new ArgumentOutOfRangeException(nameof(vocab), vocab, "too small or too large for this tokenizer");
    }

    /// <summary>Writes <c>tokenizer.json</c> as the tokenizers library reads it.</summary>
    public void Write(string path)
    {
        using FileStream file = File.Create(path);
        using var json = new Utf8JsonWriter(file);
        json.WriteStartObject();
        json.WriteString("version", "1.0");
        json.WriteStartArray("added_tokens");
        for (int id = 0; id < Specials; id++)
        {
            WriteSpecial(json, id);
        }
        json.WriteEndArray();
        json.WriteNull("normalizer");
        WriteByteLevel(json, "pre_tokenizer");
        json.WriteNull("post_processor");
        WriteByteLevel(json, "decoder");
        WriteModel(json);
        json.WriteEndObject();
    }

    private void WriteSpecial(Utf8JsonWriter json, int id)
    {
        json.WriteStartObject();
        json.WriteNumber("id", id);
        json.WriteString("content", _tokens[id]);
        foreach (string name in (string[])["single_word", "lstrip", "rstrip", "normalized"])
        {
            json.WriteBoolean(name, false);
        }
        json.WriteBoolean("special", true);
        json.WriteEndObject();
    }

    private static void WriteByteLevel(Utf8JsonWriter json, string name)
    {
        json.WriteStartObject(name);
        json.WriteString("type", "ByteLevel");
        json.WriteBoolean("add_prefix_space", false);
        json.WriteBoolean("trim_offsets", true);
        json.WriteBoolean("use_regex", true);
        json.WriteEndObject();
    }

    private void WriteModel(Utf8JsonWriter json)
    {
        json.WriteStartObject("model");
        json.WriteString("type", "BPE");
        json.WriteNull("dropout");
        json.WriteNull("unk_token");
        json.WriteNull("continuing_subword_prefix");
        json.WriteNull("end_of_word_suffix");
        json.WriteBoolean("fuse_unk", false);
        json.WriteBoolean("byte_fallback", false);
        json.WriteBoolean("ignore_merges", false);
        json.WriteStartObject("vocab");
        for (int id = 0; id < _tokens.Count; id++)
        {
            json.WriteNumber(_tokens[id], id);
        }
        json.WriteEndObject();
        json.WriteStartArray("merges");
        foreach ((string left, string right) in _merges)
        {
            json.WriteStringValue($"{left} {right}");
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    // Byte-level BPE writes a byte that is no printable character as one from 256 on, counted in order.
    private static char ByteCharacter(int value)
    {
        static bool IsPrintable(int value) => value is (>= 33 and <= 126) or (>= 161 and <= 172) or >= 174;
        return IsPrintable(value) ? (char)value : (char)(256 + Enumerable.Range(0, value).Count(lower => !IsPrintable(lower)));
    }
}
