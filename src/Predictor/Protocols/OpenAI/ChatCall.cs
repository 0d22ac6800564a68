using System.Text.Json;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenAI;

/// <summary>A request to /chat/completions.</summary>
/// <param name="Role">Role of the message that is generated.</param>
/// <param name="EchoText">Text of the last message where the output is to begin with it, else empty.</param>
internal sealed record ChatCall(CallOptions Options, Prompt.Chat Prompt, string Role, string EchoText, bool ReturnPromptText)
{
    private static readonly string[] ReasoningEfforts = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

    public static ChatCall Parse(RequestFields fields)
    {
        CallOptions options = CallOptions.Take(fields);
        int? topLogprobs = TakeLogprobs(fields);
        JsonElement messages = ChatMessages.Take(fields);
        bool addGenerationPrompt = fields.Boolean("add_generation_prompt") ?? true;
        bool continueFinalMessage = fields.Boolean("continue_final_message") ?? false;
        if (addGenerationPrompt && continueFinalMessage)
        {
            throw fields.Refusal("continue_final_message", "continue_final_message needs add_generation_prompt to be false.");
        }
        var prompt = new Prompt.Chat(
            messages, ChatTools.Take(fields), TakeTemplateArguments(fields), addGenerationPrompt, continueFinalMessage,
            fields.Boolean("add_special_tokens") ?? false);
        JsonElement last = messages[messages.GetArrayLength() - 1];
        string lastRole = last.GetProperty("role").GetString()!; // checked by ChatMessages
        string role = addGenerationPrompt ? "assistant" : lastRole;
        bool echo = fields.Boolean("echo") ?? false;
        bool returnPromptText = fields.Boolean("return_prompt_text") ?? false;
        int? maxTokens = fields.Int("max_completion_tokens") ?? options.Sampling.MaxTokens;
        if (maxTokens < 1)
        {
            throw fields.Refusal("max_tokens", $"max_tokens must be at least 1, not {maxTokens}.");
        }
        CheckModalities(fields);
        ForeignFields.Take(fields);
        fields.RefuseRest();
        return new ChatCall(
            options with { Sampling = options.Sampling with { MaxTokens = maxTokens, TopLogprobs = topLogprobs } },
            prompt,
            role,
            echo && lastRole == role && last.TryGetProperty("content", out JsonElement content) && content.ValueKind == JsonValueKind.String ? content.GetString()! : "",
            returnPromptText);
    }

    private static int? TakeLogprobs(RequestFields fields)
    {
        bool logprobs = fields.Boolean("logprobs") ?? false;
        int? top = fields.Int("top_logprobs");
        return top switch
        {
            > 0 when !logprobs => throw fields.Refusal("top_logprobs", "top_logprobs need logprobs to be true."),
            < 0 => throw fields.Refusal("top_logprobs", $"top_logprobs must be at least 0, not {top}."),
            _ => logprobs ? top ?? 0 : null,
        };
    }

    /// <summary>chat_template_kwargs, with the fields that are template variables by another name.</summary>
    private static JsonElement? TakeTemplateArguments(RequestFields fields)
    {
        JsonElement? arguments = fields.Json("chat_template_kwargs", JsonValueKind.Object);
        JsonElement? documents = fields.Json("documents", JsonValueKind.Array);
        string? effort = fields.Text("reasoning_effort");
        if (effort is not null && !ReasoningEfforts.Contains(effort))
        {
            throw fields.Refusal("reasoning_effort", $"reasoning_effort must be one of {string.Join(", ", ReasoningEfforts)}, not '{effort}'.");
        }
        if (documents is null && effort is null)
        {
            return arguments;
        }
        return JsonBuild.Element(json =>
        {
            json.WriteStartObject();
            if (documents is { } list)
            {
                json.WritePropertyName("documents");
                list.WriteTo(json);
            }
            if (effort is not null)
            {
                json.WriteString("reasoning_effort", effort);
            }
            if (arguments is { } given)
            {
                foreach (JsonProperty argument in given.EnumerateObject())
                {
                    argument.WriteTo(json);
                }
            }
            json.WriteEndObject();
        });
    }

    private static void CheckModalities(RequestFields fields)
    {
        if (fields.Json("modalities", JsonValueKind.Array) is not { } modalities)
        {
            return;
        }
        foreach (JsonElement modality in modalities.EnumerateArray())
        {
            if (modality.ValueKind != JsonValueKind.String || modality.GetString() != "text")
            {
                throw fields.Unsupported("modalities", $"modalities may only hold \"text\", not {modality.GetRawText()}.");
            }
        }
    }
}
