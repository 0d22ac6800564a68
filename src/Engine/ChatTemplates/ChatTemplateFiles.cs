using System.Text.Json;

namespace KServePaged.Engine.ChatTemplates;

/// <summary>
/// Finds the chat templates in a model directory as transformers does: files with the ending <c>.jinja</c> replace what
/// tokenizer_config.json says; chat_template.json is the last resort.
/// </summary>
internal static class ChatTemplateFiles
{
    private const string ConfigName = "tokenizer_config.json";
    private const string TokenMapName = "special_tokens_map.json";
    private const string LegacyName = "chat_template.json";
    private const string Field = "chat_template";

    private static readonly string[] TokenNames =
        ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

    /// <returns>What was found; both templates are null where the directory has none.</returns>
    /// <exception cref="InvalidDataException">A file is broken; the message names file and field.</exception>
    public static ChatTemplateSet Load(string directory)
    {
        using JsonDocument? config = ReadJson(directory, ConfigName);
        using JsonDocument? tokenMap = ReadJson(directory, TokenMapName);
        Dictionary<string, string> tokens = [];
        AddTokens(tokens, config, ConfigName);
        AddTokens(tokens, tokenMap, TokenMapName);
        (ChatTemplate? standard, ChatTemplate? tools) = FromFiles(directory);
        if (standard is null && tools is null)
        {
            (standard, tools) = FromField(config, ConfigName);
        }
        if (standard is null && tools is null)
        {
            using JsonDocument? legacy = ReadJson(directory, LegacyName);
            (standard, tools) = FromField(legacy, LegacyName);
        }
        return new ChatTemplateSet(standard, tools, tokens);
    }

    private static (ChatTemplate? Default, ChatTemplate? ToolUse) FromFiles(string directory) =>
        (FromFile(directory, "chat_template.jinja") ?? FromFile(directory, "additional_chat_templates/default.jinja"),
            FromFile(directory, "additional_chat_templates/tool_use.jinja"));

    private static ChatTemplate? FromFile(string directory, string name)
    {
        string path = Path.Combine(directory, name);
        return File.Exists(path) ? ChatTemplate.Parse(File.ReadAllText(path), name) : null;
    }

    /// <summary>The field is the template, or a list of named ones.</summary>
    private static (ChatTemplate? Default, ChatTemplate? ToolUse) FromField(JsonDocument? document, string fileName)
    {
        if (document is null || !document.RootElement.TryGetProperty(Field, out JsonElement field) || field.ValueKind == JsonValueKind.Null)
        {
            return (null, null);
        }
        string place = $"{fileName}: {Field}";
        if (field.ValueKind == JsonValueKind.String)
        {
            return (ChatTemplate.Parse(TextOf(field, place), place), null);
        }
        if (field.ValueKind != JsonValueKind.Array)
        {
            throw new InvalidDataException($"{place} must be a string or an array of named templates");
        }
        ChatTemplate? standard = null;
        ChatTemplate? tools = null;
        foreach (JsonElement entry in field.EnumerateArray())
        {
            string name = Member(entry, "name", place);
            string source = Member(entry, "template", place);
            standard = name == "default" ? ChatTemplate.Parse(source, $"{place}['{name}']") : standard;
            tools = name == "tool_use" ? ChatTemplate.Parse(source, $"{place}['{name}']") : tools;
        }
        return (standard, tools);
    }

    private static string Member(JsonElement entry, string name, string place) =>
        entry.ValueKind == JsonValueKind.Object && entry.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String
            ? TextOf(value, place)
            : throw new InvalidDataException($"{place}: an entry without a string '{name}'");

    private static void AddTokens(Dictionary<string, string> tokens, JsonDocument? document, string fileName)
    {
        if (document is null)
        {
            return;
        }
        foreach (string name in TokenNames)
        {
            AddToken(tokens, document.RootElement, name, fileName);
        }
        // Tokens of a model's own (image_token…), which newer files name in an object.
        if (document.RootElement.TryGetProperty("extra_special_tokens", out JsonElement extra) && extra.ValueKind == JsonValueKind.Object)
        {
            foreach (JsonProperty token in extra.EnumerateObject())
            {
                AddToken(tokens, extra, token.Name, $"{fileName}: extra_special_tokens");
            }
        }
    }

    /// <summary>A token is a string, or an object with its content. The first file that has it wins.</summary>
    private static void AddToken(Dictionary<string, string> tokens, JsonElement owner, string name, string place)
    {
        if (!owner.TryGetProperty(name, out JsonElement token) || token.ValueKind == JsonValueKind.Null)
        {
            return;
        }
        JsonElement text = token.ValueKind == JsonValueKind.Object && token.TryGetProperty("content", out JsonElement content) ? content : token;
        if (text.ValueKind != JsonValueKind.String)
        {
            throw new InvalidDataException($"{place}: {name} must be a string or an object with a string 'content'");
        }
        tokens.TryAdd(name, TextOf(text, $"{place}: {name}"));
    }

    private static string TextOf(JsonElement element, string place)
    {
        try
        {
            return element.GetString()!; // the caller saw a string
        }
        catch (InvalidOperationException error)
        {
            throw new InvalidDataException($"{place} is not valid Unicode", error);
        }
    }

    private static JsonDocument? ReadJson(string directory, string name)
    {
        string path = Path.Combine(directory, name);
        if (!File.Exists(path))
        {
            return null;
        }
        try
        {
            var document = JsonDocument.Parse(File.ReadAllBytes(path));
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document
                : throw new InvalidDataException($"{name} must hold a JSON object");
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"{name} is not valid JSON: {error.Message}", error);
        }
    }
}
