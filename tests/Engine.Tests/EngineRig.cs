using KServePaged.Engine.Configuration;
using KServePaged.Engine.Contracts;
using KServePaged.Engine.Diagnostics;
using KServePaged.Engine.Execution;
using KServePaged.Engine.Models;
using KServePaged.Engine.Processing;
using KServePaged.Engine.Tests.Execution;
using KServePaged.Engine.Tests.Processing;
using Microsoft.Extensions.Logging.Abstractions;

namespace KServePaged.Engine.Tests;

/// <summary>A whole engine, thread included, over the scripted model and the ASCII tokenizer.</summary>
internal sealed class EngineRig : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private const int Blocks = 64;
    private const int BlockTokens = 4;

    private EngineRig(LlmEngine engine, ScriptedExecutor model)
    {
        Engine = engine;
        Model = model;
    }

    public static int Vocabulary => ByteTokenizer.Ascii().VocabularySize;

    public LlmEngine Engine { get; }

    public ScriptedExecutor Model { get; }

    public bool ModelIsDisposed { get; private set; }

    public static async Task<EngineRig> StartAsync(EngineOptions? options = null, int[]? ends = null, bool hasTokenizer = true)
    {
        var model = new ScriptedExecutor(Blocks, BlockTokens, Vocabulary);
        EngineRig? rig = null;
        LlmEngine engine = await LlmEngine.StartAsync(
            options ?? new EngineOptions { ModelPath = "models/scripted" },
            () => Loaded(model, ends ?? [], new Action(() => rig!.ModelIsDisposed = true)),
            _ => new TextCodec(hasTokenizer ? ByteTokenizer.Ascii() : null, null, Vocabulary),
            null,
            new EngineLog(NullLogger.Instance),
            TimeProvider.System);
        return rig = new EngineRig(engine, model);
    }

    public static GenerationRequest Request(int maxTokens = 8, SamplingParameters? sampling = null, int n = 1, Prompt? prompt = null) => new()
    {
        RequestId = "test",
        Prompt = prompt ?? new Prompt.Text("hello world"),
        Sampling = (sampling ?? new SamplingParameters()) with { MaxTokens = maxTokens, Seed = sampling?.Seed ?? 5 },
        OutputCount = n,
    };

    public async Task<List<GenerationDelta>> CollectAsync(GenerationRequest request, CancellationToken cancellationToken = default)
    {
        List<GenerationDelta> deltas = [];
        await foreach (GenerationDelta delta in Engine.GenerateAsync(request, cancellationToken))
        {
            deltas.Add(delta);
        }
        return deltas;
    }

    /// <summary>What the scripted model makes of the default prompt.</summary>
    public static int[] Expected(int count, ulong seed = 5) =>
        ScriptedExecutor.Reference(ByteTokenizer.Ascii().Encode("hello world", addSpecialTokens: true), count, Vocabulary, seed);

    public static int[] TokensOf(IEnumerable<GenerationDelta> deltas, int output = 0) =>
        [.. deltas.Where(delta => delta.OutputIndex == output).SelectMany(delta => delta.TokenIds)];

    /// <summary>Waits, by reading what everyone can read, until no block is in use.</summary>
    public async Task AssertIdleAsync()
    {
        using var patience = new CancellationTokenSource(Patience);
        while (Engine.Statistics is not { RunningSequences: 0, WaitingSequences: 0, UsedBlocks: 0 })
        {
            patience.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    public ValueTask DisposeAsync() => Engine.DisposeAsync();

    private static LoadedModel Loaded(ScriptedExecutor model, int[] ends, Action disposed) => new([new Disposal(disposed)])
    {
        Config = ModelConfig.Parse("""{"architectures":["Scripted"]}"""u8.ToArray(), "config.json"),
        Defaults = new GenerationDefaults(),
        EndTokenIds = ends,
        Executor = model,
        BlockCount = Blocks,
        BlockTokens = BlockTokens,
        MaxModelLength = 100,
        MaxLogitRows = 128,
        VocabularySize = Vocabulary,
        Architecture = "Scripted",
        DType = "float32",
        ParameterCount = 1,
        Memory = [("weights", 1 << 20)],
    };

    private sealed class Disposal(Action action) : IDisposable
    {
        public void Dispose() => action();
    }
}
