using System.Text;
using KServePaged.Engine.Tokenization;

namespace KServePaged.Engine.Tests.Tokenization;

/// <summary>Tokenizers of a few tokens, written where they are tested.</summary>
internal static class SmallTokenizer
{
    /// <summary>A BPE model over a, b, c and space in which "ab" and "abc" merge.</summary>
    public const string Bpe =
        """{"type":"BPE","unk_token":"?","vocab":{"?":0,"a":1,"b":2,"c":3," ":4,"ab":5,"abc":6,"▁":7,"▁a":8},"merges":["a b","ab c","▁ a"]}""";

    public static string Json(
        string model = Bpe, string added = "[]", string normalizer = "null", string preTokenizer = "null", string postProcessor = "null", string decoder = "null") =>
        $$"""
        {"version":"1.0","truncation":null,"padding":null,"added_tokens":{{added}},"normalizer":{{normalizer}},"pre_tokenizer":{{preTokenizer}},
         "post_processor":{{postProcessor}},"decoder":{{decoder}},"model":{{model}}}
        """;

    public static ITokenizer Parse(string json) => TokenizerJson.Parse(Encoding.UTF8.GetBytes(json));

    /// <summary>An entry of added_tokens.</summary>
    public static string Added(
        int id, string content, bool special = false, bool normalized = false, bool singleWord = false, bool lstrip = false, bool rstrip = false) =>
        $$"""
        {"id":{{id}},"content":"{{content}}","single_word":{{Text(singleWord)}},"lstrip":{{Text(lstrip)}},"rstrip":{{Text(rstrip)}},
         "normalized":{{Text(normalized)}},"special":{{Text(special)}}}
        """;

    private static string Text(bool value) => value ? "true" : "false";
}
