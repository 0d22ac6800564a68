using System.Text.Json;
using KServePaged.Engine.ChatTemplates;
using KServePaged.Engine.Contracts;

namespace KServePaged.Engine.Processing;

/// <summary>Conversations to prompts with the model's own chat template, or one that replaces it. Any thread.</summary>
/// <param name="templates">At least one of them is there.</param>
/// <param name="clock">For templates that print the date.</param>
internal sealed class ChatRenderer(ChatTemplateSet templates, TimeProvider clock)
{
    /// <param name="directory">The model's, or where its tokenizer lies.</param>
    /// <param name="templatePath">A Jinja file that replaces the templates found there; null = none.</param>
    /// <returns>Null where there is no template: such a model takes no conversations.</returns>
    /// <exception cref="InvalidDataException">A file is broken; the message names file and field.</exception>
    public static ChatRenderer? Load(string directory, string? templatePath, TimeProvider clock)
    {
        ChatTemplateSet found = ChatTemplateFiles.Load(directory);
        if (templatePath is not null)
        {
            if (!File.Exists(templatePath))
            {
                throw new InvalidDataException($"chat_template: there is no file {templatePath}");
            }
            found = found with { Default = ChatTemplate.Parse(File.ReadAllText(templatePath), templatePath), ToolUse = null };
        }
        return found.Default is null && found.ToolUse is null ? null : new ChatRenderer(found, clock);
    }

    /// <exception cref="RequestException">The template refuses the conversation, or the model has none for it.</exception>
    public string Render(Prompt.Chat chat)
    {
        ChatTemplate template = templates.For(withTools: chat.Tools is { ValueKind: JsonValueKind.Array }) ?? throw new RequestException(
            EngineErrorCode.Unsupported, "This model's chat template is for conversations with tools only.", "messages");
        return template.Render(new ChatTemplateInput
        {
            Messages = chat.Messages,
            Tools = chat.Tools,
            Arguments = chat.TemplateArguments,
            AddGenerationPrompt = chat.AddGenerationPrompt,
            ContinueFinalMessage = chat.ContinueFinalMessage,
            SpecialTokens = templates.SpecialTokens,
            Now = clock.GetLocalNow(),
        });
    }
}
