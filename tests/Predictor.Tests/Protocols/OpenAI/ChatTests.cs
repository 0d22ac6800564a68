using System.Text.Json;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Tests.Doubles;

namespace KServePaged.Predictor.Tests.Protocols.OpenAI;

public sealed class ChatTests : IAsyncLifetime
{
    private const string Path = "/v1/chat/completions";
    private const string Hi = """{"role":"user","content":"Hi"}""";

    private ServerUnderTest _server = null!; // set before each test

    public async ValueTask InitializeAsync() => _server = await ServerUnderTest.StartAsync();

    public async ValueTask DisposeAsync() => await _server.DisposeAsync();

    [Theory]
    [InlineData("/v1/chat/completions")]
    [InlineData("/openai/v1/chat/completions")]
    public async Task Whole_HasEveryMember(string path)
    {
        (int status, JsonElement body) = await _server.PostAsync(path, $$"""{"messages":[{{Hi}}],"request_id":"r"}""");
        Assert.Equal(200, status);
        Assert.Equal(
            """
            {"id":"chatcmpl-r","object":"chat.completion","created":0,"model":"tales","choices":[{"index":0,"message":{"role":"assistant",
            "content":"Hello, world!","refusal":null},"logprobs":null,"finish_reason":"stop","stop_reason":null,"token_ids":null}],
            "service_tier":null,"system_fingerprint":"*","usage":{"prompt_tokens":32,"total_tokens":36,"completion_tokens":4,
            "prompt_tokens_details":null,"completion_tokens_details":null},"prompt_logprobs":null,"prompt_token_ids":null,"prompt_text":null}
            """.ReplaceLineEndings(""),
            Answers.Masked(body));
        Assert.Null(_server.Engine.LastRequest.Sampling.MaxTokens);
    }

    [Fact]
    public async Task Stream_BeginsWithTheRoleAndEndsWithTheReason()
    {
        List<string> events = await _server.StreamAsync(Path, $$"""{"messages":[{{Hi}}],"max_tokens":2,"stream":true,"request_id":"r"}""");
        const string Head = """{"id":"chatcmpl-r","object":"chat.completion.chunk","created":0,"model":"tales","choices":[{"index":0,"delta":""";
        Assert.Equal(
            [
                Head + """{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"prompt_token_ids":null,"prompt_text":null}""",
                Head + """{"content":"Hello"},"logprobs":null,"finish_reason":null,"token_ids":null}]}""",
                Head + """{"content":","},"logprobs":null,"finish_reason":"length","stop_reason":null,"token_ids":null}],"system_fingerprint":"*"}""",
                "[DONE]",
            ],
            events.Select(Answers.Masked));
    }

    [Fact]
    public async Task Stream_EveryOutput_HasItsRoleOnceAndItsReasonOnce()
    {
        List<string> events = await _server.StreamAsync(Path, $$"""{"messages":[{{Hi}}],"n":3,"stream":true,"stream_options":{"include_usage":true} }""");
        for (int choice = 0; choice < 3; choice++)
        {
            Assert.Equal("Hello, world!", Answers.TextOf(events, choice));
            Assert.Equal("stop", Answers.FinishOf(events, choice));
            Assert.Equal(1, events.Count(e => e.Contains($$"""[{"index":{{choice}},"delta":{"role":"assistant","content":""}""", StringComparison.Ordinal)));
        }
        Assert.Equal("""{"prompt_tokens":32,"total_tokens":44,"completion_tokens":12}""", Answers.Member(events[^2], "usage"));
    }

    [Fact]
    public async Task Stream_WhenAStopStringWasCut_EndsWithAnEmptyDelta()
    {
        _server.Engine.Deltas = _ => [new GenerationDelta { Text = "a", TokenIds = [1] }, new GenerationDelta { TokenIds = [2], FinishReason = FinishReason.Stop, StopString = "." }];
        List<string> events = await _server.StreamAsync(Path, $$"""{"messages":[{{Hi}}],"stream":true,"stop":"."}""");
        Assert.Contains("\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\",\"stop_reason\":\".\"", events[^2]);
    }

    [Fact]
    public async Task Logprobs_CarryBytesAndAlternatives()
    {
        (_, JsonElement body) = await _server.PostAsync(Path, $$"""{"messages":[{{Hi}}],"max_tokens":1,"logprobs":true,"top_logprobs":2}""");
        Assert.Equal(
            """
            {"content":[{"token":"Hello","logprob":-0.25,"bytes":[72,101,108,108,111],"top_logprobs":[
            {"token":"Hello","logprob":-0.5,"bytes":[116]},{"token":"t2","logprob":-1,"bytes":[116]}]}]}
            """.ReplaceLineEndings(""),
            body.GetProperty("choices")[0].GetProperty("logprobs").GetRawText());
        (_, body) = await _server.PostAsync(Path, $$"""{"messages":[{{Hi}}],"max_tokens":1,"logprobs":true,"top_logprobs":null}""");
        Assert.Equal("[]", body.GetProperty("choices")[0].GetProperty("logprobs").GetProperty("content")[0].GetProperty("top_logprobs").GetRawText());
    }

    [Fact]
    public async Task Prompt_CarriesMessagesToolsAndTemplateArguments()
    {
        await _server.PostAsync(Path, $$$"""
            {"messages":[{{{Hi}}}],"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"auto","add_special_tokens":true,
             "chat_template_kwargs":{"enable_thinking":false},"documents":[{"text":"d"}],"reasoning_effort":"low"}
            """);
        Prompt.Chat chat = Assert.IsType<Prompt.Chat>(_server.Engine.LastRequest.Prompt);
        Assert.Equal($"[{Hi}]", chat.Messages.GetRawText());
        Assert.Equal("""[{"type":"function","function":{"name":"f"}}]""", chat.Tools?.GetRawText());
        Assert.Equal("""{"documents":[{"text":"d"}],"reasoning_effort":"low","enable_thinking":false}""", chat.TemplateArguments?.GetRawText());
        Assert.Equal((true, false, true), (chat.AddGenerationPrompt, chat.ContinueFinalMessage, chat.AddSpecialTokens));
    }

    [Fact]
    public async Task Messages_PartsAreJoinedAndArgumentsBecomeObjects()
    {
        await _server.PostAsync(Path, """
            {"messages":[{"role":"developer","content":"d"},{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
             {"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},
              {"id":"2","type":"function","function":{"name":"g","arguments":"not json"}},{"id":"3","type":"function","function":{"name":"h"}}]},
             {"role":"tool","tool_call_id":"1","content":[{"type":"text","text":"3"}]},{"role":"user","content":[]}]}
            """);
        Assert.Equal(
            """
            [{"role":"system","content":"d"},{"role":"user","content":"a\nb"},{"role":"assistant","content":null,"tool_calls":[
            {"id":"1","type":"function","function":{"name":"f","arguments":{"x":1}}},
            {"id":"2","type":"function","function":{"name":"g","arguments":"not json"}},
            {"id":"3","type":"function","function":{"name":"h","arguments":{}}}]},
            {"role":"tool","tool_call_id":"1","content":"3"},{"role":"user","content":""}]
            """.ReplaceLineEndings(""),
            Assert.IsType<Prompt.Chat>(_server.Engine.LastRequest.Prompt).Messages.GetRawText());
    }

    [Fact]
    public async Task ContinueFinalMessage_IsPassedOnAndEchoRepeatsIt()
    {
        string call = $$"""{"messages":[{{Hi}},{"role":"assistant","content":"Once"}],"continue_final_message":true,"add_generation_prompt":false,"max_tokens":1,"echo":true""";
        (_, JsonElement body) = await _server.PostAsync(Path, call + "}");
        Assert.Equal("OnceHello", body.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString());
        Prompt.Chat chat = Assert.IsType<Prompt.Chat>(_server.Engine.LastRequest.Prompt);
        Assert.Equal((false, true), (chat.AddGenerationPrompt, chat.ContinueFinalMessage));
        Assert.Equal("OnceHello", Answers.TextOf(await _server.StreamAsync(Path, call + ""","stream":true}"""), 0));
    }

    [Fact]
    public async Task WithoutGenerationPrompt_TheRoleIsTheLastMessages()
    {
        (_, JsonElement body) = await _server.PostAsync(Path, $$"""{"messages":[{{Hi}}],"add_generation_prompt":false}""");
        Assert.Equal("user", body.GetProperty("choices")[0].GetProperty("message").GetProperty("role").GetString());
    }

    [Fact]
    public async Task MaxCompletionTokens_WinsOverMaxTokens()
    {
        await _server.PostAsync(Path, $$"""{"messages":[{{Hi}}],"max_tokens":12,"max_completion_tokens":5}""");
        Assert.Equal(5, _server.Engine.LastRequest.Sampling.MaxTokens);
    }

    [Fact]
    public async Task PromptText_ComesWhenAskedFor()
    {
        (_, JsonElement body) = await _server.PostAsync(Path, $$"""{"messages":[{{Hi}}],"return_prompt_text":true,"return_token_ids":true,"max_tokens":1}""");
        Assert.Equal($"[{Hi}]", body.GetProperty("prompt_text").GetString());
        Assert.Equal(32, body.GetProperty("prompt_token_ids").GetArrayLength());
    }

    [Fact]
    public async Task Models_AreListedAndFoundByName()
    {
        (_, JsonElement body) = await _server.GetAsync("/openai/v1/models");
        Assert.Equal(["tales", "tales-alias"], body.GetProperty("data").EnumerateArray().Select(model => model.GetProperty("id").GetString()));
        Assert.Equal("""["tales","tales-alias"]""", body.GetProperty("models").GetRawText());
        (int status, body) = await _server.GetAsync("/v1/models/tales-alias");
        Assert.Equal(
            (200, """{"id":"tales-alias","object":"model","created":0,"owned_by":"kservepaged","root":"tales","parent":null,"max_model_len":4096,"name":"tales-alias","ready":true}"""),
            (status, Answers.Masked(body)));
        Assert.Equal(404, (await _server.GetAsync("/v1/models/other")).Status);
    }
}
