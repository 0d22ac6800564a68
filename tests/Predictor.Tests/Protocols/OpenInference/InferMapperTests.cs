using System.Text.Json;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Protocols.OpenInference;
using KServePaged.Predictor.Protocols.OpenInference.Rest;

namespace KServePaged.Predictor.Tests.Protocols.OpenInference;

public sealed class InferMapperTests
{
    private static readonly ModelInfo Model = new()
    {
        Path = "m",
        Architecture = "LlamaForCausalLM",
        VocabularySize = 100,
        MaxModelLength = 64,
        DType = "float32",
        ParameterCount = 1,
        MemoryBytes = 1 << 20,
        HasTokenizer = true,
        HasChatTemplate = true,
        BlockTokens = 16,
        BlockCount = 4,
    };

    [Fact]
    public void Map_WhenOptionsComeInThreeForms_TakesThemAll()
    {
        TextGeneration generation = Map("""
            {"parameters":{"top_k":"5","timeout":2000000},
             "inputs":[{"name":"text_input","shape":[1],"datatype":"BYTES","data":["hi"]},
                       {"name":"max_tokens","shape":[1],"datatype":"INT32","data":[7]},
                       {"name":"stop","shape":[2],"datatype":"BYTES","data":["a","b"]},
                       {"name":"sampling_parameters","shape":[1],"datatype":"BYTES","data":["{\"temperature\":\"0.25\",\"seed\":3}"]}]}
            """);
        GenerationRequest request = Assert.Single(generation.Requests);
        Assert.Equal("hi", Assert.IsType<Prompt.Text>(request.Prompt).Value);
        Assert.Equal(5, request.Sampling.TopK);
        Assert.Equal(7, request.Sampling.MaxTokens);
        Assert.Equal(0.25, request.Sampling.Temperature);
        Assert.Equal(3, request.Sampling.Seed);
        Assert.Equal(["a", "b"], request.Sampling.Stop);
        Assert.Equal(TimeSpan.FromSeconds(2), request.Deadline - request.ArrivedAt);
    }

    [Fact]
    public void Map_WhenBatched_MakesOneRequestAPrompt()
    {
        TextGeneration generation = Map("""{"inputs":[{"name":"text_input","shape":[2,1],"datatype":"BYTES","data":[["a"],["b"]]}]}""");
        Assert.True(generation.IsBatch);
        Assert.Equal(["a", "b"], generation.Requests.Select(request => ((Prompt.Text)request.Prompt).Value));
        Assert.Equal(["r-0", "r-1"], generation.Requests.Select(request => request.RequestId));
    }

    [Theory]
    [InlineData("[3]", "[5,6,7]", false, 1)]
    [InlineData("[1,3]", "[[5,6,7]]", true, 1)]
    [InlineData("[3,1]", "[5,6,7]", true, 3)]
    public void Map_WhenIds_SplitsByShape(string shape, string data, bool isBatch, int count)
    {
        TextGeneration generation = Map($$"""{"inputs":[{"name":"input_ids","shape":{{shape}},"datatype":"INT64","data":{{data}}}]}""");
        Assert.Equal(isBatch, generation.IsBatch);
        Assert.Equal(count, generation.Requests.Count);
        Assert.Equal([5, 6, 7], generation.Requests.SelectMany(request => ((Prompt.TokenIds)request.Prompt).Ids));
    }

    [Fact]
    public void Map_WhenMessages_MakesAChat()
    {
        TextGeneration generation = Map("""
            {"inputs":[{"name":"messages","shape":[1],"datatype":"BYTES","data":["[{\"role\":\"user\",\"content\":\"hi\"}]"]},
                       {"name":"tools","shape":[1],"datatype":"BYTES","data":["[{\"type\":\"function\"}]"]}]}
            """);
        var chat = Assert.IsType<Prompt.Chat>(generation.Requests[0].Prompt);
        Assert.Equal("hi", chat.Messages[0].GetProperty("content").GetString());
        Assert.Equal(1, chat.Tools!.Value.GetArrayLength());
    }

    [Fact]
    public void Map_OutputsDefaultToAllButTheScores()
    {
        string[] plain = ["text_output", "finish_reason", "num_input_tokens", "num_output_tokens", "output_ids"];
        Assert.Equal(plain, Map(Prompted("")).Outputs);
        Assert.Contains("logprobs", Map(Prompted(""", "parameters":{"logprobs":2}""")).Outputs);
        Assert.DoesNotContain("finish_reason", Map(Prompted(""", "parameters":{"return_finish_reason":false}""")).Outputs);
        TextGeneration named = Map(Prompted(""", "outputs":[{"name":"logprobs"},{"name":"text_output"}]"""));
        Assert.Equal(["logprobs", "text_output"], named.Outputs);
        Assert.Equal(0, named.Requests[0].Sampling.TopLogprobs);
    }

    [Theory]
    [InlineData("""{"inputs":[]}""", "exactly one of the inputs")]
    [InlineData("""{"inputs":[{"name":"input_ids","shape":[1],"datatype":"INT32","data":[1]},{"name":"text_input","shape":[1],"datatype":"BYTES","data":["a"]}]}""", "exactly one")]
    [InlineData("""{"inputs":[{"name":"text_input","shape":[1],"datatype":"INT32","data":[1]}]}""", "must be BYTES")]
    [InlineData("""{"inputs":[{"name":"text_input","shape":[0],"datatype":"BYTES","data":[]}]}""", "at least one element")]
    [InlineData("""{"inputs":[{"name":"input_ids","shape":[1],"datatype":"INT32","data":[-1]}]}""", "element 0 is no token id")]
    [InlineData("""{"inputs":[{"name":"input_ids","shape":[1],"datatype":"FP32","data":[1]}]}""", "element 0 is no token id")]
    [InlineData("""{"inputs":[{"name":"input_ids","shape":[1,1,1],"datatype":"INT32","data":[1]}]}""", "shape")]
    [InlineData("""{"inputs":[{"name":"messages","shape":[1],"datatype":"BYTES","data":["{"]}]}""", "not valid JSON")]
    [InlineData("""{"inputs":[{"name":"messages","shape":[1],"datatype":"BYTES","data":["3"]}]}""", "JSON array")]
    public void Map_WhenThePromptIsWrong_Refuses(string body, string expected) => Refused(body, expected);

    [Theory]
    [InlineData(""", "parameters":{"temprature":1}""", "'temperature' is")]
    [InlineData(""", "parameters":{"maxTokens":1}""", "'max_tokens' is")]
    [InlineData(""", "parameters":{"colour":null}""", "a string, a number or a boolean")]
    [InlineData(""", "parameters":{"sequence_id":[1]}""", "a string, a number or a boolean")]
    [InlineData(""", "parameters":{"bad_words":"no"}""", "'bad_words' is not supported")]
    [InlineData(""", "parameters":{"max_tokens":1,"max_new_tokens":2}""", "more than once")]
    [InlineData(""", "parameters":{"sampling_parameters":"{\"colour\":1}"}""", "'colour' is no input and no option")]
    [InlineData(""", "parameters":{"temperature":"warm"}""", "must be a number")]
    [InlineData(""", "parameters":{"max_tokens":1.5}""", "whole number")]
    [InlineData(""", "parameters":{"ignore_eos":1}""", "true or false")]
    [InlineData(""", "parameters":{"logit_bias":"{\"x\":1}"}""", "not a token id")]
    [InlineData(""", "parameters":{"timeout":-5}""", "timeout")]
    [InlineData(""", "parameters":{"details":true}""", "belongs to generate")]
    [InlineData(""", "parameters":{"sampling_parameters":"[]"}""", "JSON object")]
    [InlineData(""", "outputs":[{"name":"nothing"}]""", "output 'nothing' is none of")]
    public void Map_WhenAnOptionIsWrong_Refuses(string rest, string expected) => Refused(Prompted(rest), expected);

    [Fact]
    public void Map_WhenAParameterIsTheClientsOwn_LetsItPass()
    {
        TextGeneration generation = Map(Prompted(
            """, "parameters":{"team":"blue","p":5,"sequence_id":7,"sequence_start":true,"priority":2,"triton_x":false,"bad_words":"","stop_words":["a"],"max_new_tokens":3}"""));
        Assert.Equal((3, "a"), (generation.Requests[0].Sampling.MaxTokens, Assert.Single(generation.Requests[0].Sampling.Stop)));
    }

    [Fact]
    public void Map_WhenAnOutputIsNamedTwice_GivesItTwice()
    {
        Assert.Equal(["text_output", "output_ids", "text_output"], Map(Prompted(""", "outputs":[{"name":"text_output"},{"name":"output_ids"},{"name":"text_output"}]""")).Outputs);
        Refused(Prompted($""", "outputs":[{string.Join(',', Enumerable.Repeat("""{"name":"text_output"}""", 65))}]"""), "at most 64");
    }

    [Fact]
    public void Map_WhenAnInputComesTwice_Refuses() => Refused(
        """
        {"inputs":[{"name":"text_input","shape":[1],"datatype":"BYTES","data":["a"]},{"name":"text_input","shape":[1],"datatype":"BYTES","data":["a"]}]}
        """, "more than once");

    private static void Refused(string body, string expected)
    {
        var refusal = Assert.Throws<RequestException>(() => Map(body));
        Assert.Contains(expected, refusal.Message, StringComparison.Ordinal);
    }

    private static string Prompted(string rest) => $$"""{"inputs":[{"name":"text_input","shape":[1],"datatype":"BYTES","data":["hi"]}]{{rest}}}""";

    private static TextGeneration Map(string json)
    {
        JsonDocument document = JsonDocument.Parse(json);
        return InferMapper.Map(InferJsonReader.Read(document.RootElement, binary: null).Request, Model, "r");
    }
}
