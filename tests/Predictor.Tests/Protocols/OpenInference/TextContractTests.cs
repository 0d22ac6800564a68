using System.Net;
using System.Text.Json;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Tests.Doubles;

namespace KServePaged.Predictor.Tests.Protocols.OpenInference;

/// <summary>What a text model takes and gives over REST, whoever's habits the request follows.</summary>
public sealed class TextContractTests
{
    private const string Text = """{"name":"text_input","shape":[1],"datatype":"BYTES","data":["hi"]}""";

    [Fact]
    public async Task Infer_WhenOptionsAreTensors_ObeysThem() // as LiteLLM's triton provider sends them
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        (int status, JsonElement body) = await server.PostAsync("/v2/models/tales/infer", $$"""
            {"inputs":[{{Text}},{"name":"max_tokens","shape":[1],"datatype":"INT32","data":[2]},{"name":"temperature","shape":[1],"datatype":"FP32","data":[0.25]},
            {"name":"stop","shape":[2],"datatype":"BYTES","data":["a","b"]},{"name":"stream","shape":[1],"datatype":"BOOL","data":[true]}],"stream":true}
            """);
        Assert.Equal((200, "Hello,"), (status, Output(body, "text_output").GetString()));
        SamplingParameters sampling = server.Engine.LastRequest.Sampling;
        Assert.Equal((2, 0.25, "a,b"), (sampling.MaxTokens, sampling.Temperature, string.Join(',', sampling.Stop)));
    }

    [Theory]
    [InlineData("\"parameters\":{\"top_k\":4,\"max_tokens\":1},", "")]
    [InlineData("", """,{"name":"sampling_parameters","shape":[1],"datatype":"BYTES","data":["{\"top_k\":4,\"max_tokens\":1}"]}""")]
    [InlineData("\"parameters\":{\"sampling_parameters\":\"{\\\"top_k\\\":\\\"4\\\"}\",\"max_tokens\":\"1\"},", "")]
    public async Task Infer_WhereverOptionsStand_ObeysThem(string before, string after)
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        (int status, JsonElement body) = await server.PostAsync("/v2/models/tales/infer", $$"""{{{before}}"inputs":[{{Text}}{{after}}]}""");
        Assert.Equal((200, "Hello"), (status, Output(body, "text_output").GetString()));
        Assert.Equal(4, server.Engine.LastRequest.Sampling.TopK);
    }

    [Fact]
    public async Task Infer_WhenMessagesWithTools_IsAChat()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        (int status, _) = await server.PostAsync("/v2/models/tales/infer", """
            {"inputs":[{"name":"messages","shape":[1],"datatype":"BYTES","data":["[{\"role\":\"user\",\"content\":\"hi\"}]"]},
            {"name":"tools","shape":[1],"datatype":"BYTES","data":["[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]"]},
            {"name":"chat_template_kwargs","shape":[1],"datatype":"BYTES","data":["{\"a\":1}"]}]}
            """);
        Assert.Equal(200, status);
        var chat = Assert.IsType<Prompt.Chat>(server.Engine.LastRequest.Prompt);
        Assert.Equal(
            ("hi", "f", 1),
            (chat.Messages[0].GetProperty("content").GetString(), chat.Tools!.Value[0].GetProperty("function").GetProperty("name").GetString(), chat.TemplateArguments!.Value.GetProperty("a").GetInt32()));
        Assert.Null(server.Engine.LastRequest.Sampling.MaxTokens); // a conversation may fill the context
    }

    [Fact]
    public async Task Infer_WhenSeveralOutputsAPrompt_GivesThemSideBySide()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        (int status, JsonElement body) = await server.PostAsync("/v2/models/tales/infer", """
            {"parameters":{"n":2,"max_tokens":1},"inputs":[{"name":"input_ids","shape":[2,1],"datatype":"INT64","data":[7,8]}],"outputs":[{"name":"text_output"},{"name":"num_input_tokens"}]}
            """);
        Assert.Equal(200, status);
        Assert.Equal(
            """[{"name":"text_output","shape":[4],"datatype":"BYTES","data":["Hello","Hello","Hello","Hello"]},{"name":"num_input_tokens","shape":[2],"datatype":"UINT32","data":[1,1]}]""",
            body.GetProperty("outputs").GetRawText());
    }

    [Fact]
    public async Task Infer_WhenLogprobsAreNamed_GivesThem()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        (_, JsonElement body) = await server.PostAsync("/v2/models/tales/infer", $$"""{"parameters":{"max_tokens":2},"inputs":[{{Text}}],"outputs":[{"name":"logprobs"},{"name":"cumulative_logprob"}]}""");
        JsonElement tokens = JsonDocument.Parse(Output(body, "logprobs").GetString()!).RootElement;
        Assert.Equal([1000, 1001], tokens.EnumerateArray().Select(token => token.GetProperty("id").GetInt32()));
        Assert.Equal(-0.5, Output(body, "cumulative_logprob").GetDouble());
    }

    [Fact]
    public async Task Generate_WhenWrittenForTensorRt_IsUnderstood()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        (int status, _) = await server.PostAsync("/v2/models/tales/generate", """{"text_input":"hi","max_tokens":3,"bad_words":"","stop_words":["x"],"pad_id":2,"end_id":2,"random_seed":5,"beam_width":1}""");
        Assert.Equal(200, status);
        SamplingParameters sampling = server.Engine.LastRequest.Sampling;
        Assert.Equal((3, "x", 2, 5), (sampling.MaxTokens, Assert.Single(sampling.Stop), Assert.Single(sampling.StopTokenIds), sampling.Seed));
        await server.PostAsync("/v2/models/tales/generate", """{"text_input":"hi","stop_words":""}""");
        Assert.Empty(server.Engine.LastRequest.Sampling.Stop);
    }

    [Theory]
    [InlineData("\"bad_words\":[\"x\"]", "'bad_words' is not supported")]
    [InlineData("\"beam_width\":2", "'beam_width' is not supported")]
    [InlineData("\"lora_task_id\":1", "'lora_task_id' is not supported")]
    [InlineData("\"stop\":\"a\",\"stop_words\":[\"b\"]", "'stop_words' is given more than once")]
    [InlineData("\"stop_words\":[\"b\"],\"stop\":\"a\"", "'stop' is given more than once")]
    public async Task Generate_WhenAnOptionCannotBeObeyed_NamesIt(string option, string expected)
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        (int status, JsonElement body) = await server.PostAsync("/v2/models/tales/generate", $$"""{"text_input":"hi",{{option}}}""");
        Assert.Equal(400, status);
        Assert.Contains(expected, body.GetProperty("error").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/v2/models/org/name")]
    [InlineData("/v2/models/org%2Fname")]
    [InlineData("/v2/models/org%2fname/versions/1")]
    [InlineData("/v2/models/org/name/versions/1/")]
    public async Task Routes_WhenTheNameHoldsASlash_FindTheModel(string path)
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(options => options with { ModelNames = ["org/name"] });
        (int status, JsonElement body) = await server.GetAsync(path);
        Assert.Equal((200, "org/name"), (status, body.GetProperty("name").GetString()));
        (status, body) = await server.PostAsync(path.TrimEnd('/') + "/infer", $$"""{"inputs":[{{Text}}]}""");
        Assert.Equal((200, "org/name"), (status, body.GetProperty("model_name").GetString()));
        Assert.True((await server.GetAsync(path.TrimEnd('/') + "/ready")).Body.GetProperty("ready").GetBoolean());
    }

    [Theory]
    [InlineData("/v2")]
    [InlineData("/v2/health/live")]
    [InlineData("/v2/health/ready")]
    [InlineData("/v2/models")]
    [InlineData("/v2/models/stats")]
    [InlineData("/v2/models/tales")]
    [InlineData("/v2/models/tales/ready")]
    [InlineData("/v2/models/tales/config")]
    [InlineData("/v2/models/tales/stats")]
    [InlineData("/v2/models/tales/trace/setting")]
    [InlineData("/v2/models/tales/versions/1/stats")]
    [InlineData("/v2/trace/setting")]
    [InlineData("/v2/logging")]
    public async Task GetRoutes_TakeHeadAndATrailingSlash(string path)
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        Assert.Equal(200, (await server.GetAsync(path)).Status);
        Assert.Equal(200, (await server.GetAsync(path + "/")).Status);
        using var request = new HttpRequestMessage(HttpMethod.Head, path);
        using HttpResponseMessage response = await server.Http.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal((HttpStatusCode.OK, 0), (response.StatusCode, (await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken)).Length));
    }

    [Theory]
    [InlineData("/v2/models/tales/infer/")]
    [InlineData("/v2/models/tales/generate/")]
    [InlineData("/v2/models/tales/versions/1/generate_stream/")]
    [InlineData("/v2/repository/index/")]
    public async Task PostRoutes_TakeATrailingSlash(string path)
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        using HttpResponseMessage response = await server.SendAsync(path, path.Contains("infer", StringComparison.Ordinal) ? $$"""{"inputs":[{{Text}}]}""" : path.Contains("index", StringComparison.Ordinal) ? "" : """{"text_input":"hi"}""");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    private static JsonElement Output(JsonElement body, string name) =>
        body.GetProperty("outputs").EnumerateArray().Single(output => output.GetProperty("name").GetString() == name).GetProperty("data")[0];
}
