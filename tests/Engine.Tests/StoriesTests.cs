using System.Text.Json;
using KServePaged.Engine.Configuration;
using KServePaged.Engine.Contracts;
using KServePaged.TestSupport;
using Microsoft.Extensions.Logging.Abstractions;

namespace KServePaged.Engine.Tests;

/// <summary>A published model through the whole engine: text in, the text out that its authors published.</summary>
public sealed class StoriesTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static TheoryData<string> SameModel { get; } = ["stories260K", "stories260K-sharded", "stories260K-untied", "stories260K-qwen2"];

    [Theory]
    [MemberData(nameof(SameModel))]
    public async Task GenerateAsync_FromBosAlone_TellsThePublishedStory(string model)
    {
        await using ILlmEngine engine = await LoadAsync(model);
        using JsonDocument expected = Expected();
        JsonElement published = expected.RootElement.GetProperty("third_party");
        foreach (int count in new[] { 200, 256 })
        {
            List<GenerationDelta> deltas = await CollectAsync(engine, Request(new Prompt.TokenIds([1]), count));
            string text = string.Concat(deltas.Select(delta => delta.Text));
            Assert.Equal(published.GetProperty($"text_{count}_new_tokens").GetString(), text);
            Assert.Equal(FinishReason.Length, deltas[^1].FinishReason);
            int[] ids = [.. published.GetProperty("ids_257_incl_bos").EnumerateArray().Skip(1).Take(count).Select(id => id.GetInt32())];
            Assert.Equal(ids, deltas.SelectMany(delta => delta.TokenIds));
        }
    }

    [Fact]
    public async Task GenerateAsync_FromTexts_ContinuesAsTheReferenceDoes()
    {
        await using ILlmEngine engine = await LoadAsync("stories260K");
        using JsonDocument expected = Expected();
        JsonElement reference = expected.RootElement.GetProperty("own_reference");
        int count = reference.GetProperty("max_new_tokens").GetInt32();
        JsonElement[] cases = [.. reference.GetProperty("cases").EnumerateArray()];
        Assert.NotEmpty(cases);
        await Task.WhenAll(cases.Select(async one =>
        {
            string prompt = one.GetProperty("prompt").GetString()!; // each case has one
            List<GenerationDelta> deltas = await CollectAsync(engine, Request(new Prompt.Text(prompt), count));
            Assert.Equal(one.GetProperty("prompt_ids").EnumerateArray().Select(id => id.GetInt32()), deltas[0].PromptTokenIds!);
            Assert.Equal(one.GetProperty("greedy_ids").EnumerateArray().Select(id => id.GetInt32()), deltas.SelectMany(delta => delta.TokenIds));
            Assert.Equal(one.GetProperty("full_text").GetString(), prompt + string.Concat(deltas.Select(delta => delta.Text)));
        }));
    }

    [Fact]
    public async Task GenerateAsync_WhenTheReaderLeavesMidStream_FreesTheBlocks()
    {
        await using ILlmEngine engine = await LoadAsync("stories260K");
        await foreach (GenerationDelta delta in engine.GenerateAsync(Request(new Prompt.Text("Once upon a time"), 400), CancellationToken.None))
        {
            if (delta.Usage.CompletionTokens >= 5)
            {
                break;
            }
        }
        using var patience = new CancellationTokenSource(Patience);
        while (engine.Statistics.UsedBlocks > 0)
        {
            patience.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
        Assert.Null(engine.Failure);
    }

    [Fact]
    public async Task GenerateAsync_WithTheSameSeed_DrawsTheSameAndWithAnotherNot()
    {
        await using ILlmEngine engine = await LoadAsync("stories260K");
        async Task<string> Tell(long seed, string? salt)
        {
            GenerationRequest request = Request(new Prompt.Text("Lily had a"), 40) with { CacheSalt = salt };
            request = request with { Sampling = request.Sampling with { Temperature = 1.2, Seed = seed } };
            return string.Concat((await CollectAsync(engine, request)).Select(delta => delta.Text));
        }
        string first = await Tell(7, null);
        Assert.Equal(first, await Tell(7, "elsewhere"));
        Assert.NotEqual(first, await Tell(8, null));
    }

    private static JsonDocument Expected() => JsonDocument.Parse(File.ReadAllBytes(SharedData.PathOf("models/stories260K_expected_public.json")));

    private static Task<ILlmEngine> LoadAsync(string model) => LlmEngine.LoadAsync(
        new EngineOptions { ModelPath = SharedData.PathOf($"models/{model}"), KvCacheBytes = 8 << 20, MaxSequences = 16 },
        progress: null,
        NullLoggerFactory.Instance,
        CancellationToken.None);

    private static GenerationRequest Request(Prompt prompt, int maxTokens) => new()
    {
        RequestId = "story",
        Prompt = prompt,
        Sampling = new SamplingParameters { Temperature = 0, MaxTokens = maxTokens, IgnoreEos = true },
    };

    private static async Task<List<GenerationDelta>> CollectAsync(ILlmEngine engine, GenerationRequest request)
    {
        List<GenerationDelta> deltas = [];
        await foreach (GenerationDelta delta in engine.GenerateAsync(request, CancellationToken.None))
        {
            deltas.Add(delta);
        }
        return deltas;
    }
}
