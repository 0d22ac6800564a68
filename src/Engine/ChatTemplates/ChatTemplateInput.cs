using System.Text.Json;

namespace KServePaged.Engine.ChatTemplates;

/// <summary>What a chat template is rendered with. Elements are borrowed for the call.</summary>
internal sealed record ChatTemplateInput
{
    /// <summary>JSON array of messages.</summary>
    public required JsonElement Messages { get; init; }

    /// <summary>JSON array of tool definitions; null leaves the variable undefined.</summary>
    public JsonElement? Tools { get; init; }

    /// <summary>JSON array of documents; null leaves the variable undefined.</summary>
    public JsonElement? Documents { get; init; }

    /// <summary>JSON object of further variables (<c>chat_template_kwargs</c>). They hide special tokens of the same name.</summary>
    public JsonElement? Arguments { get; init; }

    public bool AddGenerationPrompt { get; init; }

    /// <summary>The text ends with the content of the last message, which the model goes on writing.</summary>
    public bool ContinueFinalMessage { get; init; }

    /// <summary>Variables such as <c>bos_token</c>, by name.</summary>
    public IReadOnlyDictionary<string, string> SpecialTokens { get; init; } = new Dictionary<string, string>();

    /// <summary>The local time that <c>strftime_now</c> formats.</summary>
    public required DateTimeOffset Now { get; init; }

    public TemplateLimits Limits { get; init; } = TemplateLimits.Default;
}
