using System.Text;
using KServePaged.Engine.Contracts;
using KServePaged.Engine.Tokenization;

namespace KServePaged.Engine.Tests.Tokenization.Reading;

/// <summary>A broken tokenizer.json refuses the start with one sentence that names file and place, and nothing else ever happens.</summary>
public sealed class MalformedTokenizerTests
{
    [Theory]
    [InlineData("", "not JSON")]
    [InlineData("{", "not JSON")]
    [InlineData("[]", "an object is expected")]
    [InlineData("{}", "'model' is missing")]
    [InlineData("""{"version":"2.0","model":{"type":"BPE","vocab":{},"merges":[]}}""", "version")]
    [InlineData("""{"model":{"type":"BPE","merges":[]}}""", "'vocab' is missing")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0}}}""", "'merges' is missing")]
    [InlineData("""{"model":{"type":"Magic","vocab":{"a":0}}}""", "model.type")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":-1},"merges":[]}}""", "model.vocab: the id of 'a'")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":99999999},"merges":[]}}""", "model.vocab: the id of 'a'")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":1.5},"merges":[]}}""", "model.vocab: the id of 'a'")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0,"b":0},"merges":[]}}""", "model.vocab: the id 0 belongs to two")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0,"a":1},"merges":[]}}""", "model.vocab: the token of id 1 is there twice")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"\ud800":0},"merges":[]}}""", "surrogate")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0},"merges":["a a"]}}""", "model.merges[0]")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0,"aa":1},"merges":["a a","aaa"]}}""", "model.merges[1]")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0,"aa":1},"merges":["a a a"]}}""", "model.merges[0]")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0,"aa":1},"merges":[["a"]]}}""", "model.merges[0]")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0,"aa":1},"merges":["a a",["a","a"]]}}""", "all strings or all pairs")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0},"merges":[],"dropout":0.1}}""", "model.dropout")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0},"merges":[],"unk_token":"?"}}""", "model.unk_token")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0},"merges":[],"fuse_unk":1}}""", "model.fuse_unk")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0},"merges":[],"continuing_subword_prefix":7}}""", "model.continuing_subword_prefix")]
    [InlineData("""{"model":{"type":"Unigram","vocab":[["a"]]}}""", "model.vocab[0]")]
    [InlineData("""{"model":{"type":"Unigram","vocab":[["a",0]],"unk_id":1}}""", "model.unk_id")]
    [InlineData("""{"model":{"type":"Unigram","vocab":{"a":0}}}""", "model.vocab")]
    [InlineData("""{"model":{"type":"WordPiece","unk_token":"?","vocab":{"?":0}}}""", "continuing_subword_prefix")]
    public void Parse_WhenTheModelIsBroken_NamesFileAndPlace(string json, string message) => AssertRefused(json, message);

    [Theory]
    [InlineData("normalizer", """{"type":"Magic"}""", "normalizer.type")]
    [InlineData("normalizer", """{}""", "normalizer: 'type' is missing")]
    [InlineData("normalizer", """[]""", "normalizer: an object is expected")]
    [InlineData("normalizer", """{"type":"Sequence","normalizers":[{"type":"Prepend"}]}""", "normalizer.normalizers[0]: 'prepend' is missing")]
    [InlineData("normalizer", """{"type":"Precompiled","precompiled_charsmap":"!!"}""", "normalizer.precompiled_charsmap")]
    [InlineData("normalizer", """{"type":"Precompiled","precompiled_charsmap":"AAAA"}""", "normalizer.precompiled_charsmap")]
    [InlineData("normalizer", """{"type":"Replace","pattern":{"Regex":"("},"content":""}""", "normalizer.pattern.Regex")]
    [InlineData("normalizer", """{"type":"Replace","pattern":{},"content":""}""", "normalizer.pattern: 'Regex' is missing")]
    [InlineData("pre_tokenizer", """{"type":"UnicodeScripts"}""", "pre_tokenizer.type")]
    [InlineData("pre_tokenizer", """{"type":"Split","pattern":{"String":"a"},"behavior":"Eaten","invert":false}""", "pre_tokenizer.behavior")]
    [InlineData("pre_tokenizer", """{"type":"Metaspace","replacement":"ab"}""", "pre_tokenizer.replacement")]
    [InlineData("pre_tokenizer", """{"type":"Metaspace","replacement":"_","prepend_scheme":"last"}""", "pre_tokenizer.prepend_scheme")]
    [InlineData("pre_tokenizer", """{"type":"Metaspace","replacement":"_","prepend_scheme":"first","add_prefix_space":false}""", "pre_tokenizer.add_prefix_space")]
    [InlineData("pre_tokenizer", """{"type":"FixedLength","length":0}""", "pre_tokenizer.length")]
    [InlineData("pre_tokenizer", """{"type":"Sequence","pretokenizers":{}}""", "pre_tokenizer.pretokenizers")]
    [InlineData("post_processor", """{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"X"}}],"pair":[],"special_tokens":{}}""", "post_processor.single[0].SpecialToken.id")]
    [InlineData("post_processor", """{"type":"TemplateProcessing","single":[{"Sequence":{"id":"B"}}],"pair":[],"special_tokens":{}}""", "post_processor.single")]
    [InlineData("post_processor", """{"type":"BertProcessing","sep":["s"],"cls":["c",1]}""", "post_processor.sep")]
    [InlineData("decoder", """{"type":"Strip","content":"","start":1,"stop":0}""", "decoder.content")]
    [InlineData("decoder", """{"type":"Strip","content":"a","start":-1,"stop":0}""", "decoder.start")]
    [InlineData("decoder", """{"type":"Sequence","decoders":[{"type":"Magic"}]}""", "decoder.decoders[0].type")]
    [InlineData("added_tokens", """[{"id":0}]""", "added_tokens[0]: 'content' is missing")]
    [InlineData("added_tokens", """[{"id":"0","content":"a"}]""", "added_tokens[0].id")]
    [InlineData("added_tokens", """{}""", "added_tokens: an array is expected")]
    public void Parse_WhenASectionIsBroken_NamesFileAndPlace(string section, string value, string message) =>
        AssertRefused($$"""{"{{section}}":{{value}},"model":{{SmallTokenizer.Bpe}}}""", message);

    [Fact]
    public void Parse_WhenNotUtf8_Refuses() =>
        Assert.Contains("UTF-8", Assert.Throws<InvalidDataException>(() => TokenizerJson.Parse([(byte)'"', 0xFF, (byte)'"'], "dir/tokenizer.json")).Message);

    [Fact]
    public void Parse_WhenNestedWithoutEnd_Refuses()
    {
        string deep = string.Concat(Enumerable.Repeat("""{"type":"Sequence","normalizers":[""", 10_000));
        AssertRefused($$"""{"normalizer":{{deep}}""", "not JSON");
    }

    [Fact]
    public void Parse_WhenMergesComeBeforeTheVocabulary_ReadsThemAllTheSame()
    {
        ITokenizer tokenizer = SmallTokenizer.Parse("""{"model":{"merges":["a b"],"vocab":{"a":0,"b":1,"ab":2}}}""");
        Assert.Equal([2, 0], tokenizer.Encode("aba", false));
    }

    [Fact]
    public void Encode_WhenANormalizerWouldFillTheMemory_RefusesTheText()
    {
        string grow = string.Join(',', Enumerable.Repeat("""{"type":"Replace","pattern":{"String":"a"},"content":"aaaaaaaaaa"}""", 12));
        ITokenizer tokenizer = SmallTokenizer.Parse(SmallTokenizer.Json(normalizer: $$"""{"type":"Sequence","normalizers":[{{grow}}]}"""));
        Assert.Equal(EngineErrorCode.InvalidArgument, Assert.Throws<RequestException>(() => tokenizer.Encode("a", false)).Code);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Parse_OfMutatedFiles_GivesATokenizerOrOneKindOfError(int seed)
    {
        byte[][] files = [.. Whole().Select(Encoding.UTF8.GetBytes)];
        var random = new Random(seed);
        int refused = 0, read = 0;
        int rounds = Environment.GetEnvironmentVariable("KSERVEPAGED_SLOW") == "1" ? 100_000 : 3000;
        for (int i = 0; i < rounds; i++)
        {
            byte[] mutated = Mutate(files[random.Next(files.Length)], random);
            try
            {
                Use(TokenizerJson.Parse(mutated));
                read++;
            }
            catch (InvalidDataException)
            {
                refused++;
            }
        }
        Assert.True(refused > rounds / 4 && read > rounds / 50, $"{refused} refused, {read} read");
    }

    private static void Use(ITokenizer tokenizer)
    {
        try
        {
            int[] ids = tokenizer.Encode("abc A ▁ é你🙂 12 don't <x>", addSpecialTokens: true);
            _ = tokenizer.Decode([.. ids, 0, 1, 2, 3], skipSpecialTokens: true);
            IncrementalDetokenizer detokenizer = tokenizer.CreateDetokenizer(skipSpecialTokens: false);
            _ = string.Concat(ids.Select(detokenizer.Add)) + detokenizer.Finish();
        }
        catch (RequestException)
        {
            // The text has no token: an ordinary answer of some of these tokenizers.
            _ = tokenizer.VocabularySize;
        }
    }

    private static byte[] Mutate(byte[] file, Random random)
    {
        List<byte> bytes = [.. file];
        for (int i = random.Next(3); i >= 0; i--)
        {
            int at = random.Next(bytes.Count);
            switch (random.Next(5))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes.RemoveRange(at, Math.Min(random.Next(1, 12), bytes.Count - at));
                    break;
                case 2:
                    bytes.InsertRange(at, bytes.GetRange(random.Next(bytes.Count), 1));
                    break;
                case 3:
                    bytes[at] = "{}[]\",:0123456789-.eE\\utfn "u8[random.Next(27)];
                    break;
                default:
                    bytes.InsertRange(at, Encoding.UTF8.GetBytes(Words[random.Next(Words.Length)]));
                    break;
            }
        }
        return [.. bytes];
    }

    private static readonly string[] Words =
        ["null", "true", "-1", "1e400", "[]", "{}", "\"\"", "\\ud800", "\"type\":\"Sequence\",", "99999999999", "(?i)", "\\\\p{L}", "{1,3}", "*", "[^", "é"];

    private static string[] Whole() =>
    [
        SmallTokenizer.Json(),
        SmallTokenizer.Json(
            added: $"[{SmallTokenizer.Added(9, "<x>", special: true, lstrip: true)}]",
            normalizer: """{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Replace","pattern":{"Regex":"\\s+"},"content":" "},{"type":"Prepend","prepend":"▁"}]}""",
            preTokenizer: """{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"[^\\s\\p{L}]?\\p{L}+|\\p{N}{1,3}| ?(?i:'s|x)|\\s+(?!\\S)"},"behavior":"Isolated","invert":false},{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":false}]}""",
            postProcessor: """{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"B","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[],"special_tokens":{"B":{"id":"B","ids":[1],"tokens":["a"]}}}""",
            decoder: """{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]}"""),
        SmallTokenizer.Json(
            model: """{"type":"Unigram","unk_id":0,"vocab":[["<unk>",0.0],["a",-1.5],["b",-2],["ab",-2.5],["▁",-3]],"byte_fallback":false}""",
            preTokenizer: """{"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":true}""",
            decoder: """{"type":"Metaspace","replacement":"▁","prepend_scheme":"always"}"""),
        SmallTokenizer.Json(
            model: """{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,"vocab":{"[UNK]":0,"a":1,"##b":2}}""",
            normalizer: """{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true}""",
            preTokenizer: """{"type":"BertPreTokenizer"}""",
            postProcessor: """{"type":"BertProcessing","sep":["s",1],"cls":["c",2]}""",
            decoder: """{"type":"WordPiece","prefix":"##","cleanup":true}"""),
    ];

    private static void AssertRefused(string json, string message)
    {
        var exception = Assert.Throws<InvalidDataException>(() => TokenizerJson.Parse(Encoding.UTF8.GetBytes(json), "dir/tokenizer.json"));
        Assert.StartsWith("dir/tokenizer.json: ", exception.Message, StringComparison.Ordinal);
        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
    }
}
