using System.Globalization;
using System.Text.Json;
using KServePaged.Engine.Tokenization.Added;

namespace KServePaged.Engine.Tokenization.Reading;

/// <summary>
/// What <c>tokenizer_config.json</c> adds to a tokenizer, as transformers applies it: more added tokens, other flags for those that there
/// are, and which of them are special. Its <c>add_bos_token</c> and <c>add_eos_token</c> do not count beside a tokenizer.json, whose
/// post-processor is the truth, and neither does <c>add_prefix_space</c>; <c>clean_up_tokenization_spaces</c> is left to clients that
/// decode whole texts, because a stream cannot take back a space.
/// </summary>
/// <param name="Tokens">In the order in which they are added.</param>
/// <param name="SplitsSpecialTokens">Special tokens are not looked for in texts.</param>
internal sealed record TokenizerConfig(IReadOnlyList<AddedToken> Tokens, bool SplitsSpecialTokens)
{
    private static readonly string[] NamedTokens = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

    public static TokenizerConfig Empty { get; } = new([], false);

    /// <exception cref="InvalidDataException">The file is broken; names file and place.</exception>
    public static TokenizerConfig Parse(ReadOnlyMemory<byte> json, string fileName)
    {
        var source = new JsonSource(fileName, "");
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            return Read(new JsonNode(document.RootElement, fileName, ""));
        }
        catch (JsonException exception)
        {
            throw source.Defect($"it is not JSON: {exception.Message.TrimEnd('.')}", exception);
        }
    }

    private static TokenizerConfig Read(JsonNode root)
    {
        var byId = new SortedDictionary<int, AddedToken>();
        foreach ((string key, JsonNode value) in root.Find("added_tokens_decoder")?.Members() ?? [])
        {
            byId[ReadId(key, value)] = AddedTokenReader.ReadLoose(value, special: false);
        }
        var tokens = byId.Values.ToList();
        IEnumerable<JsonNode> special = NamedTokens.Select(name => root.Find(name)).OfType<JsonNode>()
            .Concat(root.Find("additional_special_tokens")?.Items() ?? []).Concat(Extra(root));
        ILookup<string, AddedToken> listed = tokens.ToLookup(token => token.Content, StringComparer.Ordinal);
        foreach (JsonNode node in special)
        {
            AddedToken named = AddedTokenReader.ReadLoose(node, special: true);
            AddedToken? known = node.Kind == JsonValueKind.String ? listed[named.Content].LastOrDefault() : null;
            tokens.Add(known is null ? named : known with { Special = true });
        }
        return new TokenizerConfig(tokens, root.FlagOr("split_special_tokens", false));
    }

    private static List<JsonNode> Extra(JsonNode root) => root.Find("extra_special_tokens") switch
    {
        null => [],
        { Kind: JsonValueKind.Object } named => named.Members().ConvertAll(member => member.Value),
        { } list => list.Items(),
    };

    private static int ReadId(string key, JsonNode value) =>
        int.TryParse(key, NumberStyles.None, CultureInfo.InvariantCulture, out int id) ? id : throw value.Defect($"'{key}' is no token id");
}
