using System.Text;
using System.Text.Json;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Tests.Doubles;

namespace KServePaged.Predictor.Tests.Protocols.OpenAI;

/// <summary>What must not reach the engine: each is refused in OpenAI's shape, naming the field.</summary>
public sealed class BadInputTests : IAsyncLifetime
{
    private ServerUnderTest _server = null!; // set before each test

    public async ValueTask InitializeAsync() => _server = await ServerUnderTest.StartAsync();

    public async ValueTask DisposeAsync() => await _server.DisposeAsync();

    public static TheoryData<string, string> Completions => new()
    {
        { """{}""", "prompt" },
        { """{"prompt":null}""", "prompt" },
        { """{"prompt":""}""", "prompt" },
        { """{"prompt":[]}""", "prompt" },
        { """{"prompt":[[]]}""", "prompt" },
        { """{"prompt":[[1],[]]}""", "prompt" },
        { """{"prompt":5}""", "prompt" },
        { """{"prompt":{"a":1}}""", "prompt" },
        { """{"prompt":["x",5]}""", "prompt[1]" },
        { """{"prompt":[[1],"x"]}""", "prompt[1]" },
        { """{"prompt":[[[1]]]}""", "prompt[0][0]" },
        { """{"prompt":[1.5]}""", "prompt[0]" },
        { """{"prompt":[99999999999]}""", "prompt[0]" },
        { """{"prompt":"x","model":5}""", "model" },
        { """{"prompt":"x","max_tokens":0}""", "max_tokens" },
        { """{"prompt":"x","max_tokens":-1,"echo":true}""", "max_tokens" },
        { """{"prompt":"x","max_tokens":"many"}""", "max_tokens" },
        { """{"prompt":"x","max_tokens":2.5}""", "max_tokens" },
        { """{"prompt":"x","max_tokens":99999999999}""", "max_tokens" },
        { """{"prompt":"x","temperature":"hot"}""", "temperature" },
        { """{"prompt":"x","temperature":1e999}""", "temperature" },
        { """{"prompt":"x","temperature":"NaN"}""", "temperature" },
        { """{"prompt":"x","temperature":[1]}""", "temperature" },
        { """{"prompt":"x","top_k":1.5}""", "top_k" },
        { """{"prompt":"x","seed":9223372036854775808}""", "seed" },
        { """{"prompt":"x","seed":"abc"}""", "seed" },
        { """{"prompt":"x","n":"x"}""", "n" },
        { """{"prompt":"x","n":1,"best_of":2}""", "best_of" },
        { """{"prompt":"x","logprobs":"1"}""", "logprobs" },
        { """{"prompt":"x","logprobs":-1}""", "logprobs" },
        { """{"prompt":"x","prompt_logprobs":-1}""", "prompt_logprobs" },
        { """{"prompt":"x","prompt_logprobs":1,"stream":true}""", "prompt_logprobs" },
        { """{"prompt":"x","stop":5}""", "stop" },
        { """{"prompt":"x","stop":[1]}""", "stop" },
        { """{"prompt":"x","stop":""}""", "stop" },
        { """{"prompt":"x","stop":["a",""]}""", "stop" },
        { """{"prompt":"x","stop":["a","b","c","d","e"]}""", "stop" },
        { """{"prompt":"x","stop_token_ids":["a"]}""", "stop_token_ids[0]" },
        { """{"prompt":"x","logit_bias":[[1,2]]}""", "logit_bias" },
        { """{"prompt":"x","logit_bias":{"abc":1}}""", "logit_bias" },
        { """{"prompt":"x","logit_bias":{"1":"x"}}""", "logit_bias.1" },
        { """{"prompt":"x","echo":"maybe"}""", "echo" },
        { """{"prompt":"x","stream":2}""", "stream" },
        { """{"prompt":"x","stream_options":{}}""", "stream_options" },
        { """{"prompt":"x","stream":true,"stream_options":"x"}""", "stream_options" },
        { """{"prompt":"x","stream":true,"stream_options":{"foo":1}}""", "stream_options.foo" },
        { """{"prompt":"x","stream":true,"stream_interval":0}""", "stream_interval" },
        { """{"prompt":"x","response_format":"json"}""", "response_format" },
        { """{"prompt":"x","response_format":{}}""", "response_format" },
        { """{"prompt":"x","response_format":{"type":"yaml"}}""", "response_format.type" },
        { """{"prompt":"x","response_format":{"type":"json_object"}}""", "response_format.type" },
        { """{"prompt":"x","user":5}""", "user" },
        { """{"prompt":"x","priority":"high"}""", "priority" },
        { """{"prompt":"x","suffix":"end"}""", "suffix" },
        { """{"prompt":"x","use_beam_search":true}""", "use_beam_search" },
        { """{"prompt":"x","guided_json":{"type":"object"}}""", "guided_json" },
        { """{"prompt":"x","cache_salt":""}""", "cache_salt" },
        { """{"prompt":"x","cache_salt":"a/b"}""", "cache_salt" },
        { """{"prompt":"x","request_id":"a b"}""", "request_id" },
        { """{"prompt":"x","truncate_prompt_tokens":0}""", "truncate_prompt_tokens" },
        { """{"prompt":"x","truncate_prompt_tokens":9999}""", "truncate_prompt_tokens" },
        { """{"prompt":"x","truncation_side":"middle"}""", "truncation_side" },
        { """{"prompt":"x","foo_bar":1,"another":2}""", "another" },
        { """{"prompt":"x","messages":[]}""", "messages" },
    };

    public static TheoryData<string, string> Chats => new()
    {
        { """{}""", "messages" },
        { """{"messages":null}""", "messages" },
        { """{"messages":[]}""", "messages" },
        { """{"messages":"hi"}""", "messages" },
        { """{"messages":["hi"]}""", "messages[0]" },
        { """{"messages":[{"content":"x"}]}""", "messages[0].role" },
        { """{"messages":[{"role":5,"content":"x"}]}""", "messages[0].role" },
        { """{"messages":[{"role":"user","content":5}]}""", "messages[0].content" },
        { """{"messages":[{"role":"user","content":null}]}""", "messages[0].content" },
        { """{"messages":[{"role":"user","content":["x"]}]}""", "messages[0].content[0]" },
        { """{"messages":[{"role":"user","content":[{"type":"smell"}]}]}""", "messages[0].content[0].type" },
        { """{"messages":[{"role":"user","content":[{"type":"text"}]}]}""", "messages[0].content[0].text" },
        { """{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"http://x"}}]}]}""", "messages[0].content[0]" },
        { """{"messages":[{"role":"assistant","tool_calls":"x"}]}""", "messages[0].tool_calls" },
        { """{"messages":[{"role":"assistant","tool_calls":[{"function":{}}]}]}""", "messages[0].tool_calls[0]" },
        { Chat(""" "max_completion_tokens":0 """), "max_tokens" },
        { Chat(""" "logprobs":3 """), "logprobs" },
        { Chat(""" "top_logprobs":2 """), "top_logprobs" },
        { Chat(""" "logprobs":true,"top_logprobs":-1 """), "top_logprobs" },
        { Chat(""" "continue_final_message":true """), "continue_final_message" },
        { Chat(""" "chat_template":"x" """), "chat_template" },
        { Chat(""" "chat_template_kwargs":[] """), "chat_template_kwargs" },
        { Chat(""" "reasoning_effort":"huge" """), "reasoning_effort" },
        { Chat(""" "modalities":["text","audio"] """), "modalities" },
        { Chat(""" "functions":[] """), "functions" },
        { Chat(""" "tools":[] """), "tools" },
        { Chat(""" "tools":[{"type":"magic"}] """), "tools[0]" },
        { Chat(""" "tools":[{"type":"function","function":{}}] """), "tools[0]" },
        { Chat(""" "tools":[{"type":"function","function":{"name":"f","parameters":5}}] """), "tools[0].function.parameters" },
        { Chat(""" "tool_choice":"auto" """), "tool_choice" },
        { Tools(""" "required" """), "tool_choice" },
        { Tools(""" "sometimes" """), "tool_choice" },
        { Tools(""" {"type":"function"} """), "tool_choice" },
        { Tools(""" {"type":"function","function":{"name":"f"}} """), "tool_choice" },
        { Tools(""" {"type":"function","function":{"name":"g"}} """), "tool_choice" },
        { Chat(""" "prompt":"x" """), "prompt" },
    };

    [Theory]
    [MemberData(nameof(Completions))]
    public Task Completions_AreRefusedNamingTheField(string body, string parameter) => AssertRefusedAsync("/v1/completions", body, parameter);

    [Theory]
    [MemberData(nameof(Chats))]
    public Task Chats_AreRefusedNamingTheField(string body, string parameter) => AssertRefusedAsync("/v1/chat/completions", body, parameter);

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("5")]
    [InlineData("\"x\"")]
    [InlineData("{")]
    [InlineData("{'prompt':'x'}")]
    [InlineData("""{"prompt":"x"}xyz""")]
    [InlineData("""{"prompt":"x","temperature":NaN}""")]
    [InlineData("""{"prompt":"a\ud800b"}""")]
    [InlineData("""{"\udc00":1}""")]
    public Task Bodies_ThatAreNoObject_AreRefused(string body) => AssertRefusedAsync("/v1/completions", body, null);

    [Fact]
    public async Task Bodies_ThatAreNoUtf8OrTooDeep_AreRefused()
    {
        await AssertRefusedAsync("/v1/completions", [.. Encoding.UTF8.GetBytes("{\"prompt\":\""), 0xFF, 0xFE, .. Encoding.UTF8.GetBytes("\"}")], null);
        await AssertRefusedAsync("/v1/completions", Encoding.UTF8.GetBytes(new string('[', 100_000)), null);
        await AssertRefusedAsync("/v1/completions", Encoding.UTF8.GetBytes("{\"prompt\":" + new string('[', 100_000) + new string(']', 100_000) + "}"), null);
    }

    [Fact]
    public async Task Bodies_WithAByteOrderMarkOrRepeatedKeys_AreAccepted()
    {
        Assert.Equal(200, (await _server.PostAsync("/v1/completions", "\ufeff{\"prompt\":\"x\",\"max_tokens\":2,\"max_tokens\":3}")).Status);
        Assert.Equal(3, _server.Engine.LastRequest.Sampling.MaxTokens);
        Assert.Equal(200, (await _server.PostAsync("/v1/completions", """{"prompt":"a\u0000b 😀"}""")).Status);
    }

    [Fact]
    public async Task LaxTypes_PassAsClientsSendThem()
    {
        string body = """{"prompt":"x","max_tokens":"12","temperature":"0.5","top_k":2.0,"echo":"yes","ignore_eos":1,"min_tokens":true,"logprobs":true}""";
        Assert.Equal(200, (await _server.PostAsync("/v1/completions", body)).Status);
        SamplingParameters sampling = _server.Engine.LastRequest.Sampling;
        Assert.Equal((12, 0.5, 2, true, 1, 1), (sampling.MaxTokens, sampling.Temperature, sampling.TopK, sampling.IgnoreEos, sampling.MinTokens, sampling.TopLogprobs));
    }

    [Theory]
    [InlineData("text/plain", 400)]
    [InlineData("application/x-www-form-urlencoded", 400)]
    [InlineData("application/vnd.api+json", 400)]
    [InlineData(null, 400)]
    [InlineData("application/json; charset=utf-8", 200)]
    [InlineData("Application/JSON", 200)]
    public async Task ContentType_MustBeJson(string? type, int expected)
    {
        (int status, _) = await _server.PostAsync("/v1/completions", """{"prompt":"x"}""", request =>
        {
            request.Content!.Headers.Remove("Content-Type");
            if (type is not null)
            {
                request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
            }
        });
        Assert.Equal(expected, status);
    }

    [Fact]
    public async Task EngineRefusals_KeepTheirFieldAndStatusEvenForStreams()
    {
        _server.Engine.Refusal = new RequestException(EngineErrorCode.ContextTooLong, "too long", "prompt");
        foreach (string body in (string[])["""{"prompt":"x"}""", """{"prompt":"x","stream":true}""", """{"prompt":["x","y"],"stream":true}"""])
        {
            await AssertRefusedAsync("/v1/completions", body, "prompt");
        }
        Assert.Equal(0, _server.Engine.Open);
    }

    [Fact]
    public async Task Overload_Is429WithARetryHint()
    {
        _server.Engine.Refusal = new RequestException(EngineErrorCode.Overloaded, "full") { RetryAfter = TimeSpan.FromMilliseconds(2500) };
        using HttpResponseMessage response = await _server.SendAsync("/v1/completions", """{"prompt":"x"}""");
        Assert.Equal(429, (int)response.StatusCode);
        Assert.Equal(("3", "2500"), (response.Headers.GetValues("Retry-After").Single(), response.Headers.GetValues("retry-after-ms").Single()));
    }

    private static string Chat(string fields) => $$"""{"messages":[{"role":"user","content":"Hi"}],{{fields}}}""";

    private static string Tools(string choice) => Chat($$$""" "tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":{{{choice}}} """);

    private Task AssertRefusedAsync(string path, string body, string? parameter) => AssertRefusedAsync(path, Encoding.UTF8.GetBytes(body), parameter);

    private async Task AssertRefusedAsync(string path, byte[] body, string? parameter)
    {
        int before = _server.Engine.Requests.Count;
        (int status, JsonElement answer) = await _server.PostAsync(path, "", request =>
        {
            request.Content = new ByteArrayContent(body);
            request.Content.Headers.ContentType = new("application/json");
        });
        JsonElement error = answer.GetProperty("error");
        Assert.Equal((400, 400), (status, error.GetProperty("code").GetInt32()));
        Assert.Equal("BadRequestError", error.GetProperty("type").GetString());
        Assert.NotEmpty(error.GetProperty("message").GetString()!);
        if (parameter is not null)
        {
            Assert.Equal(parameter, error.GetProperty("param").GetString());
        }
        Assert.Equal(before, _server.Engine.Requests.Count);
    }
}
