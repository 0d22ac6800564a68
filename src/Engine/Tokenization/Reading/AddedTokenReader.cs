using KServePaged.Engine.Tokenization.Added;

namespace KServePaged.Engine.Tokenization.Reading;

/// <summary>Reads added tokens.</summary>
internal static class AddedTokenReader
{
    // Looking for added tokens costs the text's length times the longest of them.
    private const int MaxContentLength = 1024;

    /// <summary>Reads the <c>added_tokens</c> section.</summary>
    public static List<AddedToken> Read(JsonNode node)
    {
        List<JsonNode> items = node.Items();
        foreach (JsonNode item in items)
        {
            _ = item["id"].Integer(0, int.MaxValue);
        }
        return items.ConvertAll(item => new AddedToken(
            Content(item["content"]),
            item["single_word"].Flag(),
            item["lstrip"].Flag(),
            item["rstrip"].Flag(),
            item["normalized"].Flag(),
            item["special"].Flag()));
    }

    /// <summary>Reads a token as <c>tokenizer_config.json</c> spells it: its text alone, or an object whose flags may be missing.</summary>
    /// <param name="node">The token.</param>
    /// <param name="special">It is special whatever it says.</param>
    public static AddedToken ReadLoose(JsonNode node, bool special)
    {
        if (node.Kind == System.Text.Json.JsonValueKind.String)
        {
            return new AddedToken(Content(node), SingleWord: false, StripLeft: false, StripRight: false, Normalized: !special, special);
        }
        bool isSpecial = special || node.FlagOr("special", false);
        return new AddedToken(
            Content(node["content"]),
            node.FlagOr("single_word", false),
            node.FlagOr("lstrip", false),
            node.FlagOr("rstrip", false),
            node.FlagOr("normalized", !isSpecial),
            isSpecial);
    }

    private static string Content(JsonNode node) =>
        node.Text() is { Length: <= MaxContentLength } content ? content : throw node.Defect($"more than {MaxContentLength} characters");
}
