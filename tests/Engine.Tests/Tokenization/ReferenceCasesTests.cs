using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using KServePaged.Engine.Tokenization;
using KServePaged.TestSupport;

namespace KServePaged.Engine.Tests.Tokenization;

/// <summary>What Hugging Face's own tokenizers made of the same texts and ids.</summary>
public sealed class ReferenceCasesTests
{
    public static TheoryData<string> Tokenizers => ReferenceTokenizers.All;

    [Theory]
    [MemberData(nameof(Tokenizers))]
    public void EncodeAndDecode_OnPublishedCases_GiveTheSame(string name)
    {
        ITokenizer tokenizer = ReferenceTokenizers.Get(name);
        int cases = 0;
        foreach (JsonElement line in ReferenceTokenizers.ReadLines(name, "cases_public.jsonl"))
        {
            string text = line.GetProperty("text").GetString()!;
            int[] ids = ReferenceTokenizers.Ids(line.GetProperty("ids"));
            int[] plain = ReferenceTokenizers.Ids(line.GetProperty("ids_plain"));
            Assert.Equal(ids, tokenizer.Encode(text, addSpecialTokens: true));
            Assert.Equal(plain, tokenizer.Encode(text, addSpecialTokens: false));
            Assert.Equal(line.GetProperty("decoded").GetString(), tokenizer.Decode(ids, skipSpecialTokens: true));
            Assert.Equal(line.GetProperty("decoded_raw").GetString(), tokenizer.Decode(plain, skipSpecialTokens: false));
            cases++;
        }
        Assert.True(cases > 100);
    }

    [Theory]
    [InlineData("deepseek-coder")]
    [InlineData("gpt2")]
    [InlineData("llama-2")]
    [InlineData("llama-3")]
    [InlineData("phi-3-mini")]
    [InlineData("qwen2.5")]
    public void Encode_OnThirdPartyCases_GivesTheSame(string name)
    {
        ITokenizer tokenizer = ReferenceTokenizers.Get(name);
        bool cleansUp = CleansUp(name);
        foreach (JsonElement item in JsonDocument.Parse(ReferenceTokenizers.Read(name, "third_party.json")).RootElement.EnumerateArray())
        {
            int[] ids = ReferenceTokenizers.Ids(item.GetProperty("ids"));
            Assert.Equal(ids, tokenizer.Encode(item.GetProperty("text").GetString()!, item.GetProperty("add_special_tokens").GetBoolean()));
            if (item.TryGetProperty("decoded_transformers_level", out JsonElement decoded))
            {
                string text = tokenizer.Decode(ids, skipSpecialTokens: false);
                Assert.Equal(decoded.GetString(), cleansUp ? CleanUp(text) : text);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Tokenizers))]
    public void Detokenizer_OnPublishedStreams_AddsUpAndHoldsBack(string name)
    {
        ITokenizer tokenizer = ReferenceTokenizers.Get(name);
        foreach (JsonElement line in ReferenceTokenizers.ReadLines(name, "stream_public.jsonl"))
        {
            int[] ids = ReferenceTokenizers.Ids(line.GetProperty("ids"));
            string[] prefixes = [.. line.GetProperty("prefix_text").EnumerateArray().Select(text => text.GetString()!)];
            IncrementalDetokenizer detokenizer = tokenizer.CreateDetokenizer(skipSpecialTokens: true);
            var text = new StringBuilder();
            for (int i = 0; i < ids.Length; i++)
            {
                text.Append(detokenizer.Add(ids[i]));
                string expected = prefixes[i].EndsWith('\uFFFD') ? LastWhole(prefixes, i) : prefixes[i];
                Assert.Equal(expected, text.ToString());
            }
            text.Append(detokenizer.Finish());
            Assert.Equal(prefixes[^1], text.ToString());
        }
    }

    [Theory]
    [InlineData("llama-3", "llama-bpe")]
    [InlineData("deepseek-coder", "deepseek-coder")]
    [InlineData("qwen2.5", "qwen2")]
    [InlineData("gpt2", "gpt-2")]
    public void Encode_OfTheFingerprintText_HasThePublishedHash(string name, string published)
    {
        using JsonDocument file = JsonDocument.Parse(File.ReadAllBytes(SharedData.PathOf("tokenizers/chkhsh.json")));
        int[] ids = ReferenceTokenizers.Get(name).Encode(file.RootElement.GetProperty("chktxt").GetString()!, addSpecialTokens: true);
        byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes($"[{string.Join(", ", ids)}]"));
        JsonElement entry = file.RootElement.GetProperty("hashes").EnumerateArray().Single(item => item.GetProperty("name").GetString() == published);
        Assert.Equal(entry.GetProperty("hash").GetString(), Convert.ToHexStringLower(hash));
    }

    private static string LastWhole(string[] prefixes, int before)
    {
        while (before >= 0 && prefixes[before].EndsWith('\uFFFD'))
        {
            before--;
        }
        return before < 0 ? "" : prefixes[before];
    }

    private static bool CleansUp(string name)
    {
        using JsonDocument config = JsonDocument.Parse(ReferenceTokenizers.Read(name, "tokenizer_config.json"));
        return config.RootElement.TryGetProperty("clean_up_tokenization_spaces", out JsonElement value) && value.GetBoolean();
    }

    // transformers' own step behind the tokenizer; servers that stream leave it out, and so do we.
    private static string CleanUp(string text) =>
        text.Replace(" .", ".").Replace(" ?", "?").Replace(" !", "!").Replace(" ,", ",").Replace(" ' ", "'").Replace(" n't", "n't")
            .Replace(" 'm", "'m").Replace(" 's", "'s").Replace(" 've", "'ve").Replace(" 're", "'re");
}
