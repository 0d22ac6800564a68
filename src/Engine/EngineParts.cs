using System.Runtime.InteropServices;
using KServePaged.Engine.Configuration;
using KServePaged.Engine.Contracts;
using KServePaged.Engine.Core;
using KServePaged.Engine.Diagnostics;
using KServePaged.Engine.Execution;
using KServePaged.Engine.KvCache;
using KServePaged.Engine.Processing;
using KServePaged.Engine.Scheduling;

namespace KServePaged.Engine;

/// <summary>Options, a loaded model and a text codec put together into what an <see cref="LlmEngine"/> runs on. Made on the engine thread.</summary>
internal sealed class EngineParts : IDisposable
{
    private readonly LoadedModel _model;

    public EngineParts(EngineOptions options, LoadedModel model, TextCodec codec, Inbox inbox, TimeProvider clock)
    {
        _model = model;
        Codec = codec;
        var limits = new SchedulingLimits(options.MaxSequences, options.MaxBatchedTokens, model.MaxLogitRows)
        {
            MixedPromptTokens = options.MixedPromptTokens,
        };
        var cache = new KvCacheManager(model.BlockCount, model.BlockTokens, NewHashKey());
        WarmUp(limits, options.MaxLogprobs, clock);
        Metrics = new EngineMetrics(NameOf(options), model.MaxModelLength);
        Core = new EngineCore(model.Executor, cache, limits, options.MaxLogprobs, inbox, Metrics, clock);
        Metrics.Observe(() => Core.Statistics, () => Core.Ledger, clock);
        Requests = new CoreRequestFactory(cache.Hasher, model.VocabularySize, model.EndTokenIds, options.EnablePrefixCaching);
        var rules = new SamplingRules(model.Defaults, model.VocabularySize, options.MaxLogprobs);
        Input = new InputProcessor(codec, rules, model.Defaults, model.MaxModelLength, options.MaxOutputsPerRequest, options.Seed);
        Info = InfoOf(options, model, codec);
        Metrics.Describe(Info, options, model.Memory);
    }

    public TextCodec Codec { get; }

    public EngineCore Core { get; }

    public EngineMetrics Metrics { get; }

    public CoreRequestFactory Requests { get; }

    public InputProcessor Input { get; }

    public ModelInfo Info { get; }

    public IReadOnlyList<int> EndTokenIds => _model.EndTokenIds;

    /// <summary>On the engine thread, after the last step.</summary>
    public void Dispose()
    {
        Metrics.Dispose();
        _model.Dispose();
    }

    /// <summary>A prompt token and a decode through a core of its own, so that the first caller meets touched memory and counts nothing of it.</summary>
    private void WarmUp(SchedulingLimits limits, int maxLogprobs, TimeProvider clock)
    {
        int newTokens = Math.Min(2, _model.MaxModelLength - 1);
        if (newTokens == 0)
        {
            return; // a context of one token holds a prompt and no output
        }
        using var metrics = new EngineMetrics("warm-up", _model.MaxModelLength);
        var cache = new KvCacheManager(_model.BlockCount, _model.BlockTokens, hashKey: 0);
        var inbox = new Inbox(1);
        var core = new EngineCore(_model.Executor, cache, limits, maxLogprobs, inbox, metrics, clock);
        var greedy = new SamplingParameters { Temperature = 0, IgnoreEos = true };
        long now = clock.GetTimestamp();
        inbox.TrySubmit(new CoreRequestFactory(cache.Hasher, _model.VocabularySize, [], sharePrefixes: false)
            .Create([0], greedy, newTokens, outputCount: 1, seed: 0, cacheSalt: null, now, now, deadline: null));
        while (core.Step())
        {
        }
    }

    // Strong random numbers without the cryptographic library that RandomNumberGenerator loads: two version 4 GUIDs hold 244 random bits.
    private static UInt128 NewHashKey() =>
        SipHash128.Hash(MemoryMarshal.Read<UInt128>(Guid.NewGuid().ToByteArray()), Guid.NewGuid().ToByteArray());

    private static string NameOf(EngineOptions options) => options.ModelName ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(options.ModelPath));

    private static ModelInfo InfoOf(EngineOptions options, LoadedModel model, TextCodec codec) => new()
    {
        Path = options.ModelPath,
        Architecture = model.Architecture,
        VocabularySize = model.VocabularySize,
        MaxModelLength = model.MaxModelLength,
        DType = model.DType,
        ParameterCount = model.ParameterCount,
        HasTokenizer = codec.Tokenizer is not null,
        HasChatTemplate = codec.HasChatTemplate,
        BlockTokens = model.BlockTokens,
        BlockCount = model.BlockCount,
        MemoryBytes = model.Memory.Sum(part => part.Bytes),
    };
}
