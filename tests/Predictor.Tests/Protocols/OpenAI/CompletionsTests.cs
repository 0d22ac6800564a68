using System.Text.Json;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Tests.Doubles;

namespace KServePaged.Predictor.Tests.Protocols.OpenAI;

public sealed class CompletionsTests : IAsyncLifetime
{
    private const string Path = "/v1/completions";

    private ServerUnderTest _server = null!; // set before each test

    public async ValueTask InitializeAsync() => _server = await ServerUnderTest.StartAsync();

    public async ValueTask DisposeAsync() => await _server.DisposeAsync();

    [Theory]
    [InlineData("/v1/completions")]
    [InlineData("/openai/v1/completions")]
    public async Task Whole_HasEveryMember(string path)
    {
        (int status, JsonElement body) = await _server.PostAsync(path, """{"prompt":"Hi","max_tokens":3}""", request => request.Headers.Add("X-Request-Id", "abc-1"));
        Assert.Equal(200, status);
        Assert.Equal(
            """
            {"id":"cmpl-abc-1","object":"text_completion","created":0,"model":"tales","choices":[{"index":0,"text":"Hello, world","logprobs":null,
            "finish_reason":"length","stop_reason":null,"token_ids":null,"prompt_logprobs":null,"prompt_token_ids":null}],"service_tier":null,
            "system_fingerprint":"*","usage":{"prompt_tokens":2,"total_tokens":5,"completion_tokens":3,"prompt_tokens_details":null,
            "completion_tokens_details":null}}
            """.ReplaceLineEndings(""),
            Answers.Masked(body));
    }

    [Fact]
    public async Task Stream_EndsWithTheReasonAndDone()
    {
        List<string> events = await _server.StreamAsync(Path, """{"prompt":"Hi","max_tokens":2,"stream":true,"request_id":"r"}""");
        Assert.Equal(
            [
                """{"id":"cmpl-r","object":"text_completion","created":0,"model":"tales","choices":[{"index":0,"text":"Hello","logprobs":null,"finish_reason":null,"stop_reason":null,"prompt_token_ids":null,"token_ids":null}]}""",
                """{"id":"cmpl-r","object":"text_completion","created":0,"model":"tales","choices":[{"index":0,"text":",","logprobs":null,"finish_reason":"length","stop_reason":null,"prompt_token_ids":null,"token_ids":null}],"system_fingerprint":"*"}""",
                "[DONE]",
            ],
            events.Select(Answers.Masked));
    }

    [Fact]
    public async Task Stream_WithUsage_SendsItLastAndContinuouslyWhenAsked()
    {
        List<string> events = await _server.StreamAsync(
            Path, """{"prompt":"Hi","max_tokens":2,"stream":true,"stream_options":{"include_usage":true,"continuous_usage_stats":true}}""");
        Assert.Equal(4, events.Count);
        Assert.Equal("""{"prompt_tokens":2,"total_tokens":3,"completion_tokens":1}""", Answers.Member(events[0], "usage"));
        Assert.Equal("[]", Answers.Member(events[2], "choices"));
        Assert.Equal("""{"prompt_tokens":2,"total_tokens":4,"completion_tokens":2}""", Answers.Member(events[2], "usage"));
        Assert.Null(Answers.Member(events[1], "system_fingerprint"));

        events = await _server.StreamAsync(Path, """{"prompt":"Hi","max_tokens":2,"stream":true,"stream_options":{"include_usage":true}}""");
        Assert.Null(Answers.Member(events[0], "usage"));
        Assert.Equal("""{"prompt_tokens":2,"total_tokens":4,"completion_tokens":2}""", Answers.Member(events[2], "usage"));
    }

    [Fact]
    public async Task SeveralPromptsAndOutputs_AreNumberedPromptTimesNPlusOutput()
    {
        (_, JsonElement body) = await _server.PostAsync(Path, """{"prompt":["ab","cde"],"n":2,"max_tokens":2}""");
        JsonElement choices = body.GetProperty("choices");
        Assert.Equal([0, 1, 2, 3], choices.EnumerateArray().Select(choice => choice.GetProperty("index").GetInt32()));
        Assert.All(choices.EnumerateArray(), choice => Assert.Equal("Hello,", choice.GetProperty("text").GetString()));
        Assert.Equal(
            """{"prompt_tokens":5,"total_tokens":13,"completion_tokens":8,"prompt_tokens_details":null,"completion_tokens_details":null}""",
            body.GetProperty("usage").GetRawText());

        List<string> events = await _server.StreamAsync(Path, """{"prompt":["ab","cde"],"n":2,"max_tokens":2,"stream":true}""");
        Assert.Equal(9, events.Count);
        foreach (int choice in (int[])[0, 1, 2, 3])
        {
            Assert.Equal("Hello,", Answers.TextOf(events, choice));
            Assert.Equal("length", Answers.FinishOf(events, choice));
        }
    }

    [Fact]
    public async Task Prompts_InEveryForm_ReachTheEngine()
    {
        await _server.PostAsync(Path, """{"prompt":"x","add_special_tokens":false}""");
        Assert.Equal(new Prompt.Text("x", AddSpecialTokens: false), _server.Engine.LastRequest.Prompt);
        await _server.PostAsync(Path, """{"prompt":["x"]}""");
        Assert.Equal(new Prompt.Text("x"), _server.Engine.LastRequest.Prompt);
        await _server.PostAsync(Path, """{"prompt":[5,6.0]}""");
        Assert.Equal([5, 6], Assert.IsType<Prompt.TokenIds>(_server.Engine.LastRequest.Prompt).Ids);
        await _server.PostAsync(Path, """{"prompt":[[7],[8,9]]}""");
        Assert.Equal(2, _server.Engine.Requests.Count(request => request.Prompt is Prompt.TokenIds { Ids: [7] or [8, 9] }));
    }

    [Fact]
    public async Task Echo_PutsThePromptBeforeTextAndLogprobs()
    {
        (_, JsonElement body) = await _server.PostAsync(Path, """{"prompt":"aé😀"}"""[..^1] + ""","max_tokens":2,"echo":true,"logprobs":1}""");
        JsonElement choice = body.GetProperty("choices")[0];
        Assert.Equal("aé😀Hello,", choice.GetProperty("text").GetString());
        Assert.Equal(1, _server.Engine.LastRequest.Sampling.PromptLogprobs);
        Assert.Equal("[0,1,2,3,4,9]", choice.GetProperty("logprobs").GetProperty("text_offset").GetRawText());
        Assert.Equal("[null,-0.5,-0.5,-0.5,-0.25,-0.25]", choice.GetProperty("logprobs").GetProperty("token_logprobs").GetRawText());
        Assert.Equal("Hello", choice.GetProperty("logprobs").GetProperty("tokens")[4].GetString());
        Assert.Equal(JsonValueKind.Null, choice.GetProperty("logprobs").GetProperty("top_logprobs")[0].ValueKind);

        List<string> events = await _server.StreamAsync(Path, """{"prompt":"ab","max_tokens":2,"echo":true,"logprobs":0,"stream":true}""");
        Assert.Equal("abHello,", Answers.TextOf(events, 0));
        Assert.Equal("[0,1,2]", Answers.ChoiceOf(events[0]).GetProperty("logprobs").GetProperty("text_offset").GetRawText());
        Assert.Equal("[7]", Answers.ChoiceOf(events[1]).GetProperty("logprobs").GetProperty("text_offset").GetRawText());
    }

    [Fact]
    public async Task Echo_WithoutNewTokens_IsAllowed()
    {
        (int status, JsonElement body) = await _server.PostAsync(Path, """{"prompt":"ab","max_tokens":0,"echo":true}""");
        Assert.Equal(200, status);
        Assert.Equal(("ab", "length"), (body.GetProperty("choices")[0].GetProperty("text").GetString(), body.GetProperty("choices")[0].GetProperty("finish_reason").GetString()));
        List<string> events = await _server.StreamAsync(Path, """{"prompt":"ab","max_tokens":0,"echo":true,"stream":true}""");
        Assert.Equal((2, "ab", "length"), (events.Count, Answers.TextOf(events, 0), Answers.FinishOf(events, 0)));
    }

    [Fact]
    public async Task Logprobs_NameTheChosenTokenFirstAndCutMinusInfinity()
    {
        _server.Engine.Deltas = _ =>
        [
            new GenerationDelta
            {
                Text = "b",
                TokenIds = [2],
                Logprobs = [new TokenLogprob(2, "b", new byte[] { 98 }, -3f, 3, [new TokenLogprob(1, "a", new byte[] { 97 }, -0.5f, 1, []), new TokenLogprob(9, "z", new byte[] { 122 }, float.NegativeInfinity, 2, [])])],
                FinishReason = FinishReason.Length,
            },
        ];
        (_, JsonElement body) = await _server.PostAsync(Path, """{"prompt":"x","logprobs":2}""");
        Assert.Equal("""[{"b":-3,"a":-0.5,"z":-9999}]""", body.GetProperty("choices")[0].GetProperty("logprobs").GetProperty("top_logprobs").GetRawText());
        (_, body) = await _server.PostAsync(Path, """{"prompt":"x","logprobs":2,"return_tokens_as_token_ids":true}""");
        Assert.Equal("""[{"token_id:2":-3,"token_id:1":-0.5,"token_id:9":-9999}]""", body.GetProperty("choices")[0].GetProperty("logprobs").GetProperty("top_logprobs").GetRawText());
    }

    [Fact]
    public async Task PromptLogprobs_AreRankedById()
    {
        (_, JsonElement body) = await _server.PostAsync(Path, """{"prompt":"ab","prompt_logprobs":2,"max_tokens":1}""");
        Assert.Equal(
            """[null,{"98":{"logprob":-0.5,"rank":1,"decoded_token":"b"},"99":{"logprob":-1,"rank":2,"decoded_token":"t2"}}]""",
            body.GetProperty("choices")[0].GetProperty("prompt_logprobs").GetRawText());
    }

    [Fact]
    public async Task TokenIds_ComeWhenAskedFor()
    {
        (_, JsonElement body) = await _server.PostAsync(Path, """{"prompt":"ab","max_tokens":2,"return_token_ids":true}""");
        JsonElement choice = body.GetProperty("choices")[0];
        Assert.Equal(("[1000,1001]", "[97,98]"), (choice.GetProperty("token_ids").GetRawText(), choice.GetProperty("prompt_token_ids").GetRawText()));
        List<string> events = await _server.StreamAsync(Path, """{"prompt":"ab","max_tokens":2,"return_token_ids":true,"stream":true}""");
        Assert.Equal(("[1000]", "[97,98]"), (Answers.ChoiceOf(events[0]).GetProperty("token_ids").GetRawText(), Answers.ChoiceOf(events[0]).GetProperty("prompt_token_ids").GetRawText()));
        Assert.Equal(JsonValueKind.Null, Answers.ChoiceOf(events[1]).GetProperty("prompt_token_ids").ValueKind);
    }

    [Theory]
    [InlineData(FinishReason.Stop, ".", null, "stop", "\".\"")]
    [InlineData(FinishReason.Stop, null, 7, "stop", "7")]
    [InlineData(FinishReason.Stop, null, null, "stop", "null")]
    [InlineData(FinishReason.Abort, null, null, "abort", "null")]
    public async Task Finish_IsNamedAsClientsKnowIt(FinishReason reason, string? stopString, int? stopId, string expected, string expectedStop)
    {
        _server.Engine.Deltas = _ => [new GenerationDelta { FinishReason = reason, StopString = stopString, StopTokenId = stopId }];
        (_, JsonElement body) = await _server.PostAsync(Path, """{"prompt":"x"}""");
        Assert.Equal((expected, expectedStop), (body.GetProperty("choices")[0].GetProperty("finish_reason").GetString(), body.GetProperty("choices")[0].GetProperty("stop_reason").GetRawText()));
    }

    [Fact]
    public async Task Stream_WithAnInterval_MergesTokensAfterTheFirst()
    {
        _server.Engine.Script = ["a", "b", "c", "d", "e", "f"];
        List<string> events = await _server.StreamAsync(Path, """{"prompt":"x","stream":true,"stream_interval":2,"return_token_ids":true}""");
        Assert.Equal(["a", "bc", "de", "f"], events.SkipLast(1).Select(e => Answers.ChoiceOf(e).GetProperty("text").GetString()));
        Assert.Equal("[1001,1002]", Answers.ChoiceOf(events[1]).GetProperty("token_ids").GetRawText());
    }

    [Fact]
    public async Task Stream_DeltasWithNothingToShow_SendNoEvent()
    {
        _server.Engine.Deltas = _ =>
        [
            new GenerationDelta { TokenIds = [1] },
            new GenerationDelta { Text = "é", TokenIds = [2] },
            new GenerationDelta { TokenIds = [3], FinishReason = FinishReason.Stop },
        ];
        Assert.Equal(3, (await _server.StreamAsync(Path, """{"prompt":"x","stream":true}""")).Count);
        Assert.Equal(4, (await _server.StreamAsync(Path, """{"prompt":"x","stream":true,"return_token_ids":true}""")).Count);
    }

    [Fact]
    public async Task Truncation_KeepsTheEndOrTheBeginning()
    {
        await _server.PostAsync(Path, """{"prompt":"abcdef","truncate_prompt_tokens":2}""");
        Assert.Equal(['e', 'f'], Assert.IsType<Prompt.TokenIds>(_server.Engine.LastRequest.Prompt).Ids);
        await _server.PostAsync(Path, """{"prompt":"abcdef","truncate_prompt_tokens":2,"truncation_side":"right"}""");
        Assert.Equal(['a', 'b'], Assert.IsType<Prompt.TokenIds>(_server.Engine.LastRequest.Prompt).Ids);
        await _server.PostAsync(Path, """{"prompt":"abcdef","truncate_prompt_tokens":-1}""");
        Assert.IsType<Prompt.Text>(_server.Engine.LastRequest.Prompt);
    }

    [Fact]
    public async Task Model_IsFoundByEachNameAndAnsweredByTheFirst()
    {
        foreach (string model in (string[])["\"tales\"", "\"tales-alias\"", "\"\"", "null"])
        {
            (int status, JsonElement body) = await _server.PostAsync(Path, $$"""{"model":{{model}},"prompt":"x"}""");
            Assert.Equal((200, "tales"), (status, body.GetProperty("model").GetString()));
        }
        (int missing, JsonElement error) = await _server.PostAsync(Path, """{"model":"other","prompt":"x"}""");
        Assert.Equal(404, missing);
        Assert.Equal(
            """{"error":{"message":"Request for unknown model: 'other' is not served here; served: tales, tales-alias.","type":"NotFoundError","param":"model","code":404}}""", error.GetRawText());
    }

    [Fact]
    public async Task Usage_WithDetails_TellsCachedTokens()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(options => options with { PromptTokensDetails = true });
        server.Engine.Deltas = _ => [new GenerationDelta { FinishReason = FinishReason.Stop, Usage = new Usage(9, 1, 8) }];
        (_, JsonElement body) = await server.PostAsync(Path, """{"prompt":"x"}""");
        Assert.Equal("""{"cached_tokens":8}""", body.GetProperty("usage").GetProperty("prompt_tokens_details").GetRawText());
    }
}
