using System.Collections.Concurrent;
using System.IO.Compression;
using System.Text.Json;
using KServePaged.Engine.Tokenization;
using KServePaged.TestSupport;

namespace KServePaged.Engine.Tests.Tokenization;

/// <summary>The published tokenizers of the reference data, each loaded once.</summary>
internal static class ReferenceTokenizers
{
    private static readonly ConcurrentDictionary<string, Lazy<ITokenizer>> Loaded = new();

    public static readonly string[] Names =
    [
        "deepseek-coder", "gpt2", "llama-2", "llama-3", "mistral-v3", "phi-3-mini", "qwen2.5", "stories-tok512", "synthetic-gemma-shape",
    ];

    public static TheoryData<string> All => [.. Names];

    public static ITokenizer Get(string name)
    {
        byte[] json = Read(name, "tokenizer.json");
        return Loaded.GetOrAdd(name, key => new Lazy<ITokenizer>(() => TokenizerJson.Parse(json, $"{key}/tokenizer.json"))).Value;
    }

    /// <summary>A file of a tokenizer's folder, unpacked where it is packed.</summary>
    public static byte[] Read(string name, string file)
    {
        string plain = Path.Combine(SharedData.PathOf($"tokenizers/{name}"), file);
        if (File.Exists(plain))
        {
            return File.ReadAllBytes(plain);
        }
        using var packed = new GZipStream(File.OpenRead(plain + ".gz"), CompressionMode.Decompress);
        var bytes = new MemoryStream();
        packed.CopyTo(bytes);
        return bytes.ToArray();
    }

    public static IEnumerable<JsonElement> ReadLines(string name, string file)
    {
        using var lines = new StreamReader(new MemoryStream(Read(name, file)));
        while (lines.ReadLine() is { } line)
        {
            yield return JsonDocument.Parse(line).RootElement;
        }
    }

    public static int[] Ids(JsonElement array) => [.. array.EnumerateArray().Select(id => id.GetInt32())];
}
