using System.Text;
using KServePaged.Engine.Contracts;
using KServePaged.Engine.Processing;

namespace KServePaged.Engine.Tests.Processing;

public sealed class OutputProcessorTests
{
    private readonly ByteTokenizer _tokenizer = ByteTokenizer.Ascii();

    [Fact]
    public void Take_AnnouncesThePromptFirst_ThenTextAsItComes()
    {
        OutputProcessor output = New(new SamplingParameters());
        GenerationDelta start = Assert.Single(output.Take());
        Assert.True(start.IsStart);
        Assert.Equal([5, 6], start.PromptTokenIds);
        Assert.Equal("the prompt", start.PromptText);
        Assert.Equal(new Usage(2, 0, 0), start.Usage);
        Assert.Empty(output.Take());

        Feed(output, "ab");
        GenerationDelta delta = Assert.Single(output.Take());
        Assert.Equal(("ab", 2, false), (delta.Text, delta.TokenIds.Count, delta.IsStart));
        Assert.Null(delta.FinishReason);
        Feed(output, "c", FinishReason.Length);
        GenerationDelta last = Assert.Single(output.Take());
        Assert.Equal(("c", FinishReason.Length), (last.Text, last.FinishReason));
        Assert.Equal(new Usage(2, 3, 0), last.Usage);
        Assert.True(output.IsComplete);
    }

    [Fact]
    public void Add_WhenAStopStringIsFound_EndsTheOutputAndTellsTheCore()
    {
        OutputProcessor output = New(new SamplingParameters { Stop = ["cd"] });
        Assert.False(Feed(output, "abc"));
        Assert.True(Feed(output, "d"));
        Assert.False(Feed(output, "e"));
        GenerationDelta last = output.Take().Last();
        Assert.Equal(("ab", FinishReason.Stop, "cd"), (last.Text, last.FinishReason, last.StopString));
        Assert.Equal(4, last.TokenIds.Count);
        Assert.Equal(4, last.Usage.CompletionTokens);
        Assert.Null(last.StopTokenId);
    }

    [Fact]
    public void Add_WhenTheLastTokenCompletesAStopString_EndsWithStopAndNeedsNoTelling()
    {
        OutputProcessor output = New(new SamplingParameters { Stop = ["cd"], IncludeStopStringInOutput = true });
        Assert.False(Feed(output, "abc"));
        Assert.False(Feed(output, "d", FinishReason.Length));
        GenerationDelta last = output.Take().Last();
        Assert.Equal(("abcd", FinishReason.Stop, "cd"), (last.Text, last.FinishReason, last.StopString));
    }

    [Fact]
    public void Add_BeforeTheMinimumOfTokens_LooksForNoStopString()
    {
        OutputProcessor output = New(new SamplingParameters { Stop = ["b"], MinTokens = 2 });
        Assert.False(Feed(output, "ab"));
        Assert.True(Feed(output, "b"));
        Assert.Equal("ab", string.Concat(output.Take().Select(delta => delta.Text)));
    }

    [Fact]
    public void Add_WhenAnEndTokenComes_LeavesItsTextOutAndCountsIt()
    {
        OutputProcessor output = New(new SamplingParameters { SkipSpecialTokens = false });
        Feed(output, "ab");
        output.Add(0, Token(ByteTokenizer.End, FinishReason.Stop));
        GenerationDelta last = output.Take().Last();
        Assert.Equal("ab", last.Text);
        Assert.Equal((3, FinishReason.Stop), (last.TokenIds.Count, last.FinishReason));
        Assert.Null(last.StopTokenId);
        Assert.Null(last.StopString);
    }

    [Fact]
    public void Add_WhenAStopIdComes_NamesItAndShowsItsTextOnlyIfAsked()
    {
        foreach (bool include in new[] { false, true })
        {
            int stop = ByteTokenizer.IdOfCharacter('z');
            OutputProcessor output = New(new SamplingParameters { StopTokenIds = [stop], IncludeStopStringInOutput = include });
            Feed(output, "ab");
            output.Add(0, Token(stop, FinishReason.Stop));
            GenerationDelta last = output.Take().Last();
            Assert.Equal((include ? "abz" : "ab", stop), (last.Text, last.StopTokenId));
        }
    }

    [Fact]
    public void Add_WhenTheOutputEndsWithoutAToken_GivesOutWhatWasHeld()
    {
        OutputProcessor output = New(new SamplingParameters { Stop = ["bc"] });
        Feed(output, "ab");
        output.Add(0, Token(-1, FinishReason.Abort));
        GenerationDelta last = output.Take().Last();
        Assert.Equal(("ab", 2, FinishReason.Abort), (last.Text, last.TokenIds.Count, last.FinishReason));
    }

    [Fact]
    public void Add_OfSplitCharacters_GivesThemOutWhole()
    {
        byte[] emoji = Encoding.UTF8.GetBytes("😀");
        var tokenizer = new ByteTokenizer(emoji[..1], emoji[1..3], emoji[3..], [(byte)'a']);
        OutputProcessor output = New(new SamplingParameters(), tokenizer, prompt: [5]);
        List<string> texts = [];
        foreach (int id in new[] { 5, 2, 3, 4, 2 })
        {
            output.Add(0, Token(id));
            texts.AddRange(output.Take().Select(delta => delta.Text));
        }
        output.Add(0, Token(-1, FinishReason.Length));
        texts.AddRange(output.Take().Select(delta => delta.Text));
        Assert.Equal(["", "a", "", "", "😀", "", "\uFFFD"], texts);
    }

    [Fact]
    public void Add_WhenThePromptEndsInsideACharacter_CompletesIt()
    {
        byte[] emoji = Encoding.UTF8.GetBytes("😀");
        var tokenizer = new ByteTokenizer(emoji[..2], emoji[2..], [(byte)'a']);
        OutputProcessor output = New(new SamplingParameters(), tokenizer, prompt: [4, 4, 4, 4, 4, 2]);
        output.Add(0, Token(3));
        Assert.Equal("😀", string.Concat(output.Take().Select(delta => delta.Text)));
    }

    [Fact]
    public void Add_WithLogprobs_SpellsOutTokenAndAlternatives()
    {
        OutputProcessor output = New(new SamplingParameters { TopLogprobs = 2 });
        int a = ByteTokenizer.IdOfCharacter('a');
        output.Add(0, new SampledToken(a, -0.5f, 2, [ByteTokenizer.End, a], [-0.25f, -0.5f], null));
        TokenLogprob logprob = Assert.Single(output.Take().Last().Logprobs);
        Assert.Equal((a, "a", -0.5f, 2), (logprob.TokenId, logprob.Text, logprob.Logprob, logprob.Rank));
        Assert.Equal([(ByteTokenizer.End, "</s>", -0.25f, 1), (a, "a", -0.5f, 2)], logprob.Top.Select(top => (top.TokenId, top.Text, top.Logprob!.Value, top.Rank)));
        Assert.Equal("a"u8.ToArray(), logprob.Bytes.ToArray());
    }

    [Fact]
    public void Take_WithPromptLogprobs_WaitsForThem()
    {
        OutputProcessor output = New(new SamplingParameters { PromptLogprobs = 0 }, prompt: [5, 6, 7]);
        Assert.Empty(output.Take());
        output.AddPrompt(new SampledToken(6, -1, 3, [], [], null));
        Assert.Empty(output.Take());
        output.AddPrompt(new SampledToken(7, -2, 1, [], [], null));
        GenerationDelta start = Assert.Single(output.Take());
        Assert.Equal([(5, null, 0), (6, -1f, 3), (7, (float?)-2f, 1)], start.PromptLogprobs!.Select(p => (p.TokenId, p.Logprob, p.Rank)));
    }

    [Fact]
    public void Take_ForAHiddenOutput_ShowsNothingButTheEnd()
    {
        OutputProcessor output = New(new SamplingParameters { MaxTokens = 0, TopLogprobs = 1 }, hides: true);
        output.Add(0, new SampledToken(ByteTokenizer.End, -1, 1, [5], [-1f], FinishReason.Stop));
        GenerationDelta last = output.Take().Last();
        Assert.Equal(("", 0, 0, FinishReason.Length), (last.Text, last.TokenIds.Count, last.Logprobs.Count, last.FinishReason));
        Assert.Equal(1, last.Usage.CompletionTokens);
    }

    [Fact]
    public void Take_ForSeveralOutputs_KeepsThemApartAndSumsTheUsage()
    {
        OutputProcessor output = New(new SamplingParameters(), outputs: 2);
        output.CachedPromptTokens = 1;
        output.Add(0, Token(ByteTokenizer.IdOfCharacter('a')));
        output.Add(1, Token(ByteTokenizer.IdOfCharacter('b'), FinishReason.Length));
        GenerationDelta[] deltas = [.. output.Take()];
        Assert.Equal([(0, ""), (0, "a"), (1, "b")], deltas.Select(delta => (delta.OutputIndex, delta.Text)));
        Assert.Equal(new Usage(2, 2, 1), deltas[2].Usage);
        Assert.False(output.IsComplete);
        output.Add(0, Token(ByteTokenizer.IdOfCharacter('c'), FinishReason.Length));
        Assert.Equal([(0, "c")], output.Take().Select(delta => (delta.OutputIndex, delta.Text)));
        Assert.True(output.IsComplete);
    }

    [Fact]
    public void Add_WithoutATokenizer_GivesIdsOnly()
    {
        var request = Request(new SamplingParameters { TopLogprobs = 0 }, [5], 1, hides: false) with { PromptText = null };
        var output = new OutputProcessor(request, new TextCodec(null, null, 100), []);
        output.Add(0, Token(7, FinishReason.Length));
        GenerationDelta last = output.Take().Last();
        Assert.Equal(("", 7, ""), (last.Text, last.TokenIds[0], last.Logprobs[0].Text));
    }

    private OutputProcessor New(
        SamplingParameters sampling, ByteTokenizer? tokenizer = null, int[]? prompt = null, int outputs = 1, bool hides = false) =>
        new(Request(sampling, prompt ?? [5, 6], outputs, hides), new TextCodec(tokenizer ?? _tokenizer, null, 100), [ByteTokenizer.End]);

    private static ProcessedRequest Request(SamplingParameters sampling, int[] prompt, int outputs, bool hides) => new()
    {
        PromptIds = prompt,
        PromptText = "the prompt",
        Sampling = sampling,
        MaxNewTokens = 100,
        HidesOutput = hides,
        OutputCount = outputs,
        Seed = 0,
    };

    private static SampledToken Token(int id, FinishReason? finish = null) => new(id, 0, 1, [], [], finish);

    /// <returns>Whether the core had to be told of the end.</returns>
    private static bool Feed(OutputProcessor output, string text, FinishReason? finish = null)
    {
        bool told = false;
        for (int i = 0; i < text.Length; i++)
        {
            told |= output.Add(0, Token(ByteTokenizer.IdOfCharacter(text[i]), i == text.Length - 1 ? finish : null));
        }
        return told;
    }
}
