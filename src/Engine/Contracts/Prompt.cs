using System.Text.Json;

namespace KServePaged.Engine.Contracts;

/// <summary>What a generation starts from: text, token ids, or a conversation.</summary>
public abstract record Prompt
{
    private Prompt()
    {
    }

    /// <summary>Text, tokenized by the model's tokenizer.</summary>
    /// <param name="AddSpecialTokens">Whether the tokenizer's own special tokens (BOS…) are added.</param>
    public sealed record Text(string Value, bool AddSpecialTokens = true) : Prompt;

    /// <summary>Token ids taken as they are; nothing is added.</summary>
    public sealed record TokenIds(IReadOnlyList<int> Ids) : Prompt;

    /// <summary>A conversation, rendered by the model's chat template and tokenized without further special tokens.</summary>
    /// <param name="Messages">JSON array of messages as the OpenAI API has them.</param>
    /// <param name="Tools">JSON array of tool definitions, or null.</param>
    /// <param name="TemplateArguments">Further template variables (<c>chat_template_kwargs</c>), a JSON object, or null.</param>
    /// <param name="AddGenerationPrompt">Whether the template opens the assistant's turn.</param>
    /// <param name="ContinueFinalMessage">The last message is left open and continued.</param>
    /// <param name="AddSpecialTokens">The tokenizer's own special tokens are added on top of the template's.</param>
    public sealed record Chat(
        JsonElement Messages,
        JsonElement? Tools = null,
        JsonElement? TemplateArguments = null,
        bool AddGenerationPrompt = true,
        bool ContinueFinalMessage = false,
        bool AddSpecialTokens = false) : Prompt;
}
