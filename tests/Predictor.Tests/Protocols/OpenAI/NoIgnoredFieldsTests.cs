using System.Text.Json;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Protocols.OpenAI;
using KServePaged.Predictor.Tests.Doubles;
using KServePaged.TestSupport;

namespace KServePaged.Predictor.Tests.Protocols.OpenAI;

/// <summary>
/// Every field that is read either changes what the engine is asked or what is answered, or stands in the documented list of fields
/// without effect. The tables below give each field a value that must show.
/// </summary>
public sealed class NoIgnoredFieldsTests : IAsyncLifetime
{
    private const string CompletionBase = "\"prompt\":\"abc\"";
    private const string ChatBase = "\"messages\":[{\"role\":\"user\",\"content\":\"abc\"}]";

    private static readonly Dictionary<string, string> Shared = new()
    {
        ["model"] = "\"other\"",
        ["temperature"] = "0.5",
        ["top_p"] = "0.5",
        ["top_k"] = "5",
        ["min_p"] = "0.1",
        ["repetition_penalty"] = "1.1",
        ["presence_penalty"] = "0.5",
        ["frequency_penalty"] = "0.5",
        ["logit_bias"] = "{\"5\":1}",
        ["seed"] = "7",
        ["max_tokens"] = "3",
        ["min_tokens"] = "2",
        ["stop"] = "\".\"",
        ["stop_token_ids"] = "[5]",
        ["include_stop_str_in_output"] = "true",
        ["ignore_eos"] = "true",
        ["skip_special_tokens"] = "false",
        ["prompt_logprobs"] = "1",
        ["n"] = "2",
        ["stream"] = "true",
        ["stream_options"] = "{\"include_usage\":true}",
        ["stream_interval"] = "2",
        ["return_token_ids"] = "true",
        ["return_tokens_as_token_ids"] = "true",
        ["request_id"] = "\"mine\"",
        ["cache_salt"] = "\"salt\"",
        ["truncate_prompt_tokens"] = "2",
        ["truncation_side"] = "\"right\"",
        ["response_format"] = "{\"type\":\"json_object\"}",
        ["best_of"] = "2",
        ["add_special_tokens"] = "ADD_SPECIAL",
        ["echo"] = "true",
    };

    private static readonly Dictionary<string, string> CompletionOnly = new() { ["prompt"] = "\"xyz\"", ["logprobs"] = "1" };

    private static readonly Dictionary<string, string> ChatOnly = new()
    {
        ["messages"] = "[{\"role\":\"user\",\"content\":\"xyz\"}]",
        ["logprobs"] = "true",
        ["top_logprobs"] = "1",
        ["tools"] = "[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]",
        ["tool_choice"] = "\"required\"",
        ["chat_template_kwargs"] = "{\"a\":1}",
        ["documents"] = "[{\"text\":\"d\"}]",
        ["reasoning_effort"] = "\"low\"",
        ["add_generation_prompt"] = "false",
        ["continue_final_message"] = "true",
        ["return_prompt_text"] = "true",
        ["max_completion_tokens"] = "2",
        ["modalities"] = "[\"audio\"]",
    };

    /// <summary>What must stand beside a field for it to have a meaning.</summary>
    private static readonly Dictionary<string, string> Beside = new()
    {
        ["stream_options"] = "\"stream\":true",
        ["stream_interval"] = "\"stream\":true",
        ["truncation_side"] = "\"truncate_prompt_tokens\":2",
        ["return_tokens_as_token_ids"] = "\"logprobs\":LOGPROBS",
        ["top_logprobs"] = "\"logprobs\":true",
    };

    private ServerUnderTest _server = null!; // set before each test

    public static TheoryData<string> CompletionFields => [.. Asked(CompletionCall.Parse, CompletionBase)];

    public static TheoryData<string> ChatFields => [.. Asked(ChatCall.Parse, ChatBase)];

    public async ValueTask InitializeAsync() => _server = await ServerUnderTest.StartAsync();

    public async ValueTask DisposeAsync() => await _server.DisposeAsync();

    [Theory]
    [MemberData(nameof(CompletionFields))]
    public Task Completions_EveryField_Shows(string field) => AssertShowsAsync("/v1/completions", field, CompletionBase, CompletionOnly, "1", "false");

    [Theory]
    [MemberData(nameof(ChatFields))]
    public Task Chat_EveryField_Shows(string field) => AssertShowsAsync(
        "/v1/chat/completions", field, field == "echo" ? ChatBase[..^1] + ",{\"role\":\"assistant\",\"content\":\"Well\"}]" : ChatBase, ChatOnly, "true", "true");

    [Fact]
    public void Documentation_ListsEveryForeignField()
    {
        string text = File.ReadAllText(Path.Combine(Repository.Root, "docs/openai.md"));
        Assert.All(ForeignFields.WithoutEffect, field => Assert.Contains($"| `{field.Name}` | {field.Because} |", text));
        Assert.All(ForeignFields.NotSupported, field => Assert.Contains($"`{field.Name}`", text));
    }

    private static IEnumerable<string> Asked<T>(Func<RequestFields, T> parse, string fields)
    {
        var taken = new RequestFields(JsonDocument.Parse("{" + fields + "}").RootElement);
        parse(taken);
        return taken.Asked.Distinct()
            .Except(ForeignFields.WithoutEffect.Select(field => field.Name))
            .Except(ForeignFields.NotSupported.Select(field => field.Name));
    }

    private async Task AssertShowsAsync(string path, string field, string basis, Dictionary<string, string> own, string logprobs, string addSpecial)
    {
        Assert.True(own.ContainsKey(field) || Shared.ContainsKey(field), $"the field '{field}' is read, and no value here shows that it has an effect");
        string value = (own.TryGetValue(field, out string? special) ? special : Shared[field]).Replace("ADD_SPECIAL", addSpecial, StringComparison.Ordinal);
        string others = basis + (Beside.TryGetValue(field, out string? beside) ? "," + beside.Replace("LOGPROBS", logprobs, StringComparison.Ordinal) : "");
        string without = await SeenAsync(path, "{" + others + "}");
        string with = await SeenAsync(path, "{" + others + $",\"{field}\":{value}" + "}");
        Assert.NotEqual(without, with);
    }

    /// <summary>All that a request causes: what the engine was asked, and the answer without its own id.</summary>
    private async Task<string> SeenAsync(string path, string body)
    {
        int before = _server.Engine.Requests.Count;
        using HttpResponseMessage response = await _server.SendAsync(path, body, request => request.Headers.Add("X-Request-Id", "fixed"));
        string answer = Answers.Masked(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        string asked = _server.Engine.Requests.Count == before ? "nothing" : Describe(_server.Engine.LastRequest);
        return $"{(int)response.StatusCode} {answer} {asked}";
    }

    private static string Describe(GenerationRequest request)
    {
        SamplingParameters sampling = request.Sampling;
        string prompt = request.Prompt switch
        {
            Prompt.TokenIds ids => string.Join(',', ids.Ids),
            Prompt.Chat chat => $"{chat.Messages} {chat.Tools} {chat.TemplateArguments} {chat with { Messages = default, Tools = null, TemplateArguments = null }}",
            _ => request.Prompt.ToString()!,
        };
        string bias = string.Join(',', sampling.LogitBias ?? new Dictionary<int, float>());
        return $"{prompt} {request.OutputCount} {request.CacheSalt} {request.RequestId} {sampling with { LogitBias = null, Stop = [], StopTokenIds = [] }} "
            + $"{bias} {string.Join('|', sampling.Stop)} {string.Join(',', sampling.StopTokenIds)}";
    }
}
