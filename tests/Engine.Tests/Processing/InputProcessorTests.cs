using System.Text.Json;
using KServePaged.Engine.Contracts;
using KServePaged.Engine.Models;
using KServePaged.Engine.Processing;

namespace KServePaged.Engine.Tests.Processing;

public sealed class InputProcessorTests
{
    private const int Context = 32;
    private readonly ByteTokenizer _tokenizer = ByteTokenizer.Ascii();

    public static TheoryData<string, SamplingParameters> OutOfRange { get; } = new()
    {
        { "temperature", new() { Temperature = -0.1 } },
        { "temperature", new() { Temperature = 2.1 } },
        { "temperature", new() { Temperature = double.NaN } },
        { "temperature", new() { Temperature = double.PositiveInfinity } },
        { "top_p", new() { TopP = 0 } },
        { "top_p", new() { TopP = 1.01 } },
        { "top_k", new() { TopK = -2 } },
        { "min_p", new() { MinP = -0.1 } },
        { "min_p", new() { MinP = 1.1 } },
        { "repetition_penalty", new() { RepetitionPenalty = 0 } },
        { "repetition_penalty", new() { RepetitionPenalty = double.PositiveInfinity } },
        { "presence_penalty", new() { PresencePenalty = 2.1 } },
        { "frequency_penalty", new() { FrequencyPenalty = -2.1 } },
        { "frequency_penalty", new() { FrequencyPenalty = double.NaN } },
        { "logit_bias", new() { LogitBias = new Dictionary<int, float> { [97] = 1 } } },
        { "logit_bias", new() { LogitBias = new Dictionary<int, float> { [-1] = 1 } } },
        { "logit_bias", new() { LogitBias = new Dictionary<int, float> { [1] = float.NaN } } },
        { "max_tokens", new() { MaxTokens = -1 } },
        { "max_tokens", new() { MaxTokens = Context + 1 } },
        { "min_tokens", new() { MinTokens = -1 } },
        { "min_tokens", new() { MinTokens = 6, MaxTokens = 5 } },
        { "stop", new() { Stop = ["a", ""] } },
        { "stop", new() { Stop = [new string('a', 4097)] } },
        { "stop", new() { Stop = [.. Enumerable.Repeat("a", 257)] } },
        { "stop_token_ids", new() { StopTokenIds = [97] } },
        { "stop_token_ids", new() { StopTokenIds = [-1] } },
        { "logprobs", new() { TopLogprobs = 21 } },
        { "logprobs", new() { TopLogprobs = -1 } },
        { "prompt_logprobs", new() { PromptLogprobs = 21 } },
    };

    [Theory]
    [MemberData(nameof(OutOfRange))]
    public void Process_WhenAParameterIsOutOfRange_NamesIt(string parameter, SamplingParameters sampling)
    {
        RequestException refusal = Refused(new Prompt.Text("hello"), sampling);
        Assert.Equal(EngineErrorCode.InvalidArgument, refusal.Code);
        Assert.Equal(parameter, refusal.Parameter);
        Assert.Contains(parameter, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Process_AtTheEdgesOfTheRanges_Accepts()
    {
        var lowest = new SamplingParameters
        {
            Temperature = 0,
            TopP = 1e-9,
            TopK = -1,
            MinP = 0,
            RepetitionPenalty = 1e-9,
            PresencePenalty = -2,
            FrequencyPenalty = -2,
            TopLogprobs = 0,
            MaxTokens = 1,
        };
        var highest = new SamplingParameters
        {
            Temperature = 2,
            TopP = 1,
            TopK = int.MaxValue,
            MinP = 1,
            RepetitionPenalty = 1e9,
            PresencePenalty = 2,
            FrequencyPenalty = 2,
            TopLogprobs = 20,
            MaxTokens = Context,
            LogitBias = new Dictionary<int, float> { [96] = float.PositiveInfinity },
        };
        Assert.Equal(1, Processed(new Prompt.Text("hello"), lowest).MaxNewTokens);
        Assert.Equal(Context - 6, Processed(new Prompt.Text("hello"), highest).MaxNewTokens);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(5)]
    public void Process_WhenNIsOutOfRange_Refuses(int n) =>
        Assert.Equal("n", Refused(new Prompt.Text("hello"), new SamplingParameters(), n).Parameter);

    [Fact]
    public void Process_ForSeveralGreedyOutputs_Refuses()
    {
        Assert.Equal("n", Refused(new Prompt.Text("hello"), new SamplingParameters { Temperature = 0 }, 2).Parameter);
        Assert.Equal(4, Processed(new Prompt.Text("hello"), new SamplingParameters { Temperature = 0.1 }, 4).OutputCount);
    }

    [Fact]
    public void Process_ForText_TokenizesAsAsked()
    {
        ProcessedRequest with = Processed(new Prompt.Text("hi"), new SamplingParameters());
        Assert.Equal([ByteTokenizer.Begin, ByteTokenizer.IdOfCharacter('h'), ByteTokenizer.IdOfCharacter('i')], with.PromptIds);
        Assert.Equal("hi", with.PromptText);
        Assert.Equal(2, Processed(new Prompt.Text("hi", AddSpecialTokens: false), new SamplingParameters()).PromptIds.Length);
    }

    [Fact]
    public void Process_ForIds_AddsNothingAndDecodesThemForEcho()
    {
        ProcessedRequest processed = Processed(new Prompt.TokenIds([ByteTokenizer.Begin, ByteTokenizer.IdOfCharacter('h')]), new SamplingParameters());
        Assert.Equal(2, processed.PromptIds.Length);
        Assert.Equal("<s>h", processed.PromptText);
    }

    [Fact]
    public void Process_ForMessages_RendersThem()
    {
        var chat = new Prompt.Chat(JsonDocument.Parse("""[{"role":"user","content":"hi"}]""").RootElement);
        ProcessedRequest processed = New(render: c => c.Messages[0].GetProperty("content").GetString() + "!").Process(Request(chat, new SamplingParameters()));
        Assert.Equal("hi!", processed.PromptText);
        Assert.Equal(3, processed.PromptIds.Length);
    }

    [Fact]
    public void Process_ForMessagesWithoutATemplate_SaysSo() =>
        Assert.Equal(EngineErrorCode.Unsupported, Refused(new Prompt.Chat(JsonDocument.Parse("[]").RootElement), new SamplingParameters()).Code);

    [Fact]
    public void Process_WithoutATokenizer_TakesIdsOnly()
    {
        InputProcessor processor = New(hasTokenizer: false);
        Assert.Null(processor.Process(Request(new Prompt.TokenIds([1, 2]), new SamplingParameters())).PromptText);
        var text = Assert.Throws<RequestException>(() => processor.Process(Request(new Prompt.Text("a"), new SamplingParameters())));
        Assert.Equal(EngineErrorCode.Unsupported, text.Code);
        var stop = Assert.Throws<RequestException>(() => processor.Process(Request(new Prompt.TokenIds([1]), new SamplingParameters { Stop = ["a"] })));
        Assert.Equal((EngineErrorCode.Unsupported, "stop"), (stop.Code, stop.Parameter));
    }

    [Fact]
    public void Process_OfAnEmptyPrompt_Refuses()
    {
        Assert.Equal("prompt", Refused(new Prompt.TokenIds([]), new SamplingParameters()).Parameter);
        Assert.Equal("prompt", Refused(new Prompt.Text("", AddSpecialTokens: false), new SamplingParameters()).Parameter);
        Assert.Equal([ByteTokenizer.Begin], Processed(new Prompt.Text(""), new SamplingParameters()).PromptIds);
    }

    [Theory]
    [InlineData(97)]
    [InlineData(-1)]
    [InlineData(int.MaxValue)]
    public void Process_OfAnIdOutOfVocabulary_NamesIt(int id)
    {
        RequestException refusal = Refused(new Prompt.TokenIds([1, id]), new SamplingParameters());
        Assert.Equal(EngineErrorCode.InvalidArgument, refusal.Code);
        Assert.Contains($"id {id} at position 1", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Process_OfAPromptThatFillsTheContext_RefusesAndOneShorterPasses()
    {
        Assert.Equal(EngineErrorCode.ContextTooLong, Refused(new Prompt.TokenIds(new int[Context]), new SamplingParameters()).Code);
        Assert.Equal(EngineErrorCode.ContextTooLong, Refused(new Prompt.Text(new string('a', Context - 1)), new SamplingParameters()).Code);
        Assert.Equal(1, Processed(new Prompt.TokenIds(new int[Context - 1]), new SamplingParameters()).MaxNewTokens);
    }

    [Fact]
    public void Process_OfATextThatCannotFit_IsRefusedBeforeItIsTokenized()
    {
        RequestException refusal = Refused(new Prompt.Text(new string('a', Context * _tokenizer.LongestTokenLength + 1)), new SamplingParameters());
        Assert.Equal(EngineErrorCode.ContextTooLong, refusal.Code);
        Assert.Contains("maximum context length is 32 tokens", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(0, _tokenizer.EncodeCalls);
    }

    [Theory]
    [InlineData(null, null, 26)]
    [InlineData(5, null, 5)]
    [InlineData(32, null, 26)]
    [InlineData(null, 10, 10)]
    [InlineData(20, 10, 10)]
    [InlineData(4, 10, 4)]
    public void Process_CutsMaxTokensToContextAndModel(int? asked, int? byModel, int expected)
    {
        InputProcessor processor = New(new GenerationDefaults { MaxNewTokens = byModel });
        Assert.Equal(expected, processor.Process(Request(new Prompt.Text("hello"), new SamplingParameters { MaxTokens = asked })).MaxNewTokens);
    }

    [Fact]
    public void Process_ForNoNewTokens_MakesOneThatIsHidden()
    {
        ProcessedRequest processed = Processed(new Prompt.Text("hello"), new SamplingParameters { MaxTokens = 0 });
        Assert.Equal((1, true), (processed.MaxNewTokens, processed.HidesOutput));
    }

    [Fact]
    public void Process_FillsInTheModelsDefaults_UnlessTheRequestSpeaks()
    {
        var defaults = new GenerationDefaults { Temperature = 0.6, TopP = 0.9, TopK = 20, MinP = 0.1, RepetitionPenalty = 1.1 };
        SamplingParameters silent = New(defaults).Process(Request(new Prompt.Text("a"), new SamplingParameters())).Sampling;
        Assert.Equal((0.6, 0.9, 20, 0.1, 1.1), (silent.Temperature, silent.TopP, silent.TopK, silent.MinP, silent.RepetitionPenalty));
        var own = new SamplingParameters { Temperature = 0, TopP = 1, TopK = 0, MinP = 0, RepetitionPenalty = 1 };
        SamplingParameters spoken = New(defaults).Process(Request(new Prompt.Text("a"), own)).Sampling;
        Assert.Equal((0, 1, 0, 0, 1), (spoken.Temperature, spoken.TopP, spoken.TopK, spoken.MinP, spoken.RepetitionPenalty));
        SamplingParameters neutral = Processed(new Prompt.Text("a"), new SamplingParameters()).Sampling;
        Assert.Equal((1, 1, 0, 0, 1), (neutral.Temperature, neutral.TopP, neutral.TopK, neutral.MinP, neutral.RepetitionPenalty));
    }

    [Fact]
    public void Process_TakesTheSeedOfRequestThenServerThenADrawnOne()
    {
        Assert.Equal(unchecked((ulong)-5), Processed(new Prompt.Text("a"), new SamplingParameters { Seed = -5 }).Seed);
        Assert.Equal(7ul, New(seed: 7).Process(Request(new Prompt.Text("a"), new SamplingParameters())).Seed);
        Assert.NotEqual(Processed(new Prompt.Text("a"), new SamplingParameters()).Seed, Processed(new Prompt.Text("a"), new SamplingParameters()).Seed);
    }

    private InputProcessor New(
        GenerationDefaults? defaults = null, Func<Prompt.Chat, string>? render = null, bool hasTokenizer = true, long? seed = null) =>
        new(
            new TextCodec(hasTokenizer ? _tokenizer : null, render, _tokenizer.VocabularySize),
            new SamplingRules(defaults ?? new GenerationDefaults(), _tokenizer.VocabularySize, maxLogprobs: 20),
            defaults ?? new GenerationDefaults(),
            Context,
            maxOutputs: 4,
            seed);

    private ProcessedRequest Processed(Prompt prompt, SamplingParameters sampling, int n = 1) => New().Process(Request(prompt, sampling, n));

    private RequestException Refused(Prompt prompt, SamplingParameters sampling, int n = 1) =>
        Assert.Throws<RequestException>(() => New().Process(Request(prompt, sampling, n)));

    private static GenerationRequest Request(Prompt prompt, SamplingParameters sampling, int n = 1) =>
        new() { RequestId = "r", Prompt = prompt, Sampling = sampling, OutputCount = n };
}
