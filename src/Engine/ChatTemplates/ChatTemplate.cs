using System.Text.Json;
using KServePaged.Engine.ChatTemplates.Jinja;
using KServePaged.Engine.ChatTemplates.Jinja.Values;
using KServePaged.Engine.Contracts;

namespace KServePaged.Engine.ChatTemplates;

/// <summary>
/// Turns a conversation into the text of a prompt, as transformers' <c>apply_chat_template</c> does. Compiled once, immutable; any number
/// of threads may render at once. A template cannot reach anything but its input, and a rendering ends within its limits.
/// </summary>
internal sealed class ChatTemplate
{
    private const int MaxSourceLength = 1 << 20; // characters; the largest published templates have 30 thousand

    // Fields of the request, or parameters of apply_chat_template: as template variables they would be ignored or lie.
    private static readonly string[] ReservedNames =
        ["messages", "tools", "add_generation_prompt", "continue_final_message", "chat_template", "tokenize"];

    private readonly Template _template;
    private readonly string _fileName;
    private readonly bool _usesContent;

    private ChatTemplate(Template template, string fileName, bool usesContent) =>
        (_template, _fileName, _usesContent) = (template, fileName, usesContent);

    /// <param name="fileName">Where the source is from, for messages.</param>
    /// <exception cref="InvalidDataException">The template is broken; the message names file and line.</exception>
    public static ChatTemplate Parse(string source, string fileName)
    {
        if (source.Length > MaxSourceLength)
        {
            throw new InvalidDataException($"{fileName}: a chat template of {source.Length} characters; the limit is {MaxSourceLength}");
        }
        bool usesContent = source.Contains(FinalMessage.Field, StringComparison.Ordinal);
        return new ChatTemplate(Template.Parse(source, fileName), fileName, usesContent);
    }

    /// <exception cref="RequestException">The template refused the conversation (its own words), failed on it, or reached a limit.</exception>
    public string Render(ChatTemplateInput input)
    {
        var state = new RenderState(input.Limits, input.Now);
        try
        {
            Value messages = SetVariables(state, input);
            if (!input.ContinueFinalMessage)
            {
                return _template.Render(state);
            }
            var final = FinalMessage.Mark(state, messages, _usesContent);
            state.SetVariable("messages", final.Messages);
            return final.Cut(_template.Render(state));
        }
        catch (TemplateException error)
        {
            string message = error.Raised || state.Line == 0 ? error.Message : $"{_fileName}, line {state.Line}: {error.Message}";
            throw new RequestException(EngineErrorCode.InvalidArgument, message, "messages", error);
        }
    }

    private static Value SetVariables(RenderState state, ChatTemplateInput input)
    {
        if (input.Messages.ValueKind != JsonValueKind.Array)
        {
            throw new RequestException(EngineErrorCode.InvalidArgument, "messages must be an array", "messages");
        }
        if (input.ContinueFinalMessage && input.AddGenerationPrompt)
        {
            throw new RequestException(
                EngineErrorCode.InvalidArgument,
                "continue_final_message leaves the last message open; add_generation_prompt must then be false",
                "continue_final_message");
        }
        foreach ((string name, string token) in input.SpecialTokens)
        {
            state.SetVariable(name, Value.Of(token));
        }
        if (input.Arguments is JsonElement { ValueKind: not JsonValueKind.Null } arguments)
        {
            SetArguments(state, arguments);
        }
        if (input.Tools is JsonElement { ValueKind: not JsonValueKind.Null } tools)
        {
            state.SetVariable("tools", JsonValues.Convert(state, tools));
        }
        if (input.Documents is JsonElement { ValueKind: not JsonValueKind.Null } documents)
        {
            state.SetVariable("documents", JsonValues.Convert(state, documents));
        }
        Value messages = JsonValues.Convert(state, input.Messages);
        state.SetVariable("messages", messages);
        state.SetVariable("add_generation_prompt", Value.Of(input.AddGenerationPrompt));
        return messages;
    }

    private static void SetArguments(RenderState state, JsonElement arguments)
    {
        const string Field = "chat_template_kwargs";
        if (arguments.ValueKind != JsonValueKind.Object)
        {
            throw new RequestException(EngineErrorCode.InvalidArgument, $"{Field} must be an object", Field);
        }
        foreach (JsonProperty argument in arguments.EnumerateObject())
        {
            if (ReservedNames.Contains(argument.Name))
            {
                throw new RequestException(
                    EngineErrorCode.InvalidArgument, $"{Field} must not contain '{argument.Name}', which is a field of the request", Field);
            }
            state.SetVariable(argument.Name, JsonValues.Convert(state, argument.Value));
        }
    }
}
