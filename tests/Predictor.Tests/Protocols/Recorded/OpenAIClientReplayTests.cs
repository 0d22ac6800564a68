using System.Text.Json;
using KServePaged.Predictor.Tests.Doubles;

namespace KServePaged.Predictor.Tests.Protocols.Recorded;

/// <summary>What the OpenAI SDKs, LangChain, LiteLLM, instructor, llama-index and curl sent, byte for byte; checked is what they were seen to need (wire-observed §1.4, §1.7-9).</summary>
public sealed class OpenAIClientReplayTests
{
    private static readonly Expectation[] Rules =
    [
        new(404, "nosuch", "no such model", "openai-py/chat unknown model", "litellm/openai unknown model", "litellm/hosted_vllm unknown model"),
        new(404, null, "no such route in this version", "openai-py/embeddings*", "openai-py/responses*", "langchain/responses*", "litellm/openai embedding", "openai-npm/embeddings", "openai-npm/responses"),
        new(400, "response_format", "constrained output is not served in this version", "openai-py/chat parse", "openai-py/chat json_object", "langchain/structured json_mode", "litellm/openai json_schema",
            "instructor/partial stream"),
        new(400, "tool_choice", "calls are not recognized in this version", "openai-py/chat stream() tools", "openai-py/chat tools required", "openai-py/chat tools named", "openai-py/chat parse tools",
            "langchain/tools stream", "litellm/openai tools", "litellm/hosted_vllm tools", "instructor/TOOLS*"),
        new(200, null, "a temperature of 9 is refused by the engine, which is scripted here", "openai-py/chat bad value"),
        new(200, null, "all else is served", "openai-py/*", "langchain/*", "litellm/*", "instructor/*", "llama-index/*", "openai-npm/*", "curl/*"),
    ];

    [Fact]
    public async Task EveryRequest_IsAnsweredAsItsClientNeeds()
    {
        JsonElement[] records = [.. RecordedTraffic.OfKind("client").Where(IsOpenAI)];
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(options => options with { ModelNames = ["llm"] });
        List<string> faults = [];
        foreach (JsonElement record in records)
        {
            string name = RecordedTraffic.Text(record, "case");
            byte[] request = RecordedTraffic.RawRequest(record);
            Http1Answer answer = Assert.Single(await Http1Wire.ExchangeAsync(server.Address, request));
            Exception? fault = Record.Exception(() =>
            {
                Expectation.For(Rules, name).Check(name, answer.Status, answer.BodyText);
                Check(request, answer);
            });
            if (fault is not null)
            {
                faults.Add($"{name}: {fault.Message}");
            }
        }
        Assert.True(faults.Count == 0, string.Join("\n", faults));
        Assert.InRange(records.Length, 40, 1000);
        Expectation.RequireAllUsed(Rules);
    }

    private static void Check(byte[] request, Http1Answer answer)
    {
        if (answer.Headers["Content-Type"].StartsWith("text/event-stream", StringComparison.Ordinal))
        {
            Assert.True(request.AsSpan().IndexOf("\"stream\":true"u8) >= 0 || request.AsSpan().IndexOf("\"stream\": true"u8) >= 0);
            CheckStream([.. answer.BodyText.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(line => line["data: ".Length..])]);
            return;
        }
        Assert.StartsWith("application/json", answer.Headers["Content-Type"], StringComparison.Ordinal); // openai npm takes anything else for a string
        if (answer.Status >= 400)
        {
            Assert.NotEqual("", answer.Json.GetProperty("error").GetProperty("message").GetString());
        }
        else if (answer.Json.TryGetProperty("choices", out JsonElement choices))
        {
            Assert.NotEqual(0, answer.Json.GetProperty("usage").GetProperty("total_tokens").GetInt32());
            Assert.All(choices.EnumerateArray(), choice =>
            {
                Assert.Equal(JsonValueKind.String, choice.GetProperty("finish_reason").ValueKind);
                Assert.True(choice.TryGetProperty("text", out _) || choice.GetProperty("message").GetProperty("role").GetString() == "assistant");
            });
        }
        else
        {
            Assert.Contains("\"llm\"", answer.BodyText, StringComparison.Ordinal); // the list of models, or the model
        }
    }

    // Accumulators of the SDKs break without object and index, and with role or finish_reason missing or twice.
    private static void CheckStream(string[] events)
    {
        Assert.Equal("[DONE]", events[^1]);
        JsonElement[] chunks = [.. events[..^1].Select(text => JsonDocument.Parse(text).RootElement)];
        Assert.All(chunks, chunk => Assert.Contains(chunk.GetProperty("object").GetString(), new[] { "chat.completion.chunk", "text_completion" }));
        JsonElement[] choices = [.. chunks.SelectMany(chunk => chunk.GetProperty("choices").EnumerateArray())];
        Assert.All(choices, choice => Assert.Equal(0, choice.GetProperty("index").GetInt32()));
        Assert.Single(choices, choice => choice.GetProperty("finish_reason").ValueKind == JsonValueKind.String);
        if (chunks[0].GetProperty("object").GetString() == "chat.completion.chunk")
        {
            Assert.Single(choices, choice => choice.GetProperty("delta").TryGetProperty("role", out _));
        }
    }

    // KServe's v1 lives under the same prefix and is another protocol.
    private static bool IsOpenAI(JsonElement record) =>
        record.TryGetProperty("request", out JsonElement request) && request.TryGetProperty("line", out JsonElement line)
        && line.GetString()!.Split(' ')[1].StartsWith("/v1", StringComparison.Ordinal)
        && !RecordedTraffic.Text(record, "case").StartsWith("kserve-rest/v1", StringComparison.Ordinal);
}
