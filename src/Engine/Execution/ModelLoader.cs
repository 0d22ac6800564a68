using KServePaged.Engine.Configuration;
using KServePaged.Engine.Diagnostics;
using KServePaged.Engine.Kernels;
using KServePaged.Engine.Models;
using KServePaged.Engine.Sampling;
using KServePaged.Engine.Weights;
using KServePaged.Engine.Weights.Formats;
using Microsoft.Extensions.Logging;

namespace KServePaged.Engine.Execution;

/// <summary>Model directory × options × device → <see cref="LoadedModel"/>.</summary>
internal sealed class ModelLoader : IDisposable
{
    private readonly EngineOptions _options;
    private readonly IProgress<LoadProgress>? _progress;
    private readonly ILogger _logger;
    private readonly List<IDisposable> _owned = [];

    private ModelLoader(EngineOptions options, IProgress<LoadProgress>? progress, ILogger logger)
    {
        _options = options;
        _progress = progress;
        _logger = logger;
    }

    /// <summary>Loads the weights, takes the cache pool and working memory. Blocks; memory goes to the device on the calling thread.</summary>
    /// <param name="options">What the engine is started with.</param>
    /// <param name="progress">Told the stages <c>config</c>, <c>weights</c> (with bytes) and <c>cache</c>.</param>
    /// <param name="logger">Gets the resolved plan, once.</param>
    /// <param name="cancellationToken">Ends the loading between two pieces of a tensor.</param>
    /// <exception cref="InvalidDataException">
    /// The model directory is broken or not supported, an option cannot be met, or the memory does not suffice; the message names file and
    /// field, or option and figures.
    /// </exception>
    public static LoadedModel Load(EngineOptions options, IProgress<LoadProgress>? progress, ILogger logger, CancellationToken cancellationToken)
    {
        using var loader = new ModelLoader(options, progress, logger);
        try
        {
            return loader.Load(cancellationToken);
        }
        catch (KernelException exception) when (exception.Status == KernelStatus.OutOfMemory)
        {
            // The plan was within what was free: somebody has taken it since.
            throw new InvalidDataException(
                $"The memory that was free when the load began is not there any more: {exception.Message}. Another process on this device takes it; " +
                "give each a GPU or a slice of its own, or a smaller memory_fraction.",
                exception);
        }
    }

    /// <summary>Frees what a loading that failed had made.</summary>
    public void Dispose() => Free(_owned);

    private LoadedModel Load(CancellationToken cancellationToken)
    {
        Report("config", 0);
        ModelConfig config = ModelConfig.Load(_options.ModelPath);
        DecoderSpec spec = ModelRegistry.Describe(config);
        GenerationDefaults defaults = GenerationDefaults.Load(_options.ModelPath);
        IWeightFormat format = WeightFormats.Choose(config.Quantization);
        using Checkpoint checkpoint = Checkpoint.Open(_options.ModelPath);

        if (_options.Threads > Environment.ProcessorCount)
        {
            LoadLog.TooManyThreads(_logger, _options.Threads, Environment.ProcessorCount);
        }
        Device device = Own(DeviceChoice.Open(_options, _logger));
        DeviceChoice.WarnOfUnused(_options, device, _logger);
        DeviceStream stream = Own(device.OpenStream());
        ElementType weightType = WeightTypeOf(config, spec, checkpoint);
        LinearFormat storage = Quantization.FormatOf(_options.Quantization, weightType);
        Quantization.Check(storage, device);
        using var weights = new WeightLoader(checkpoint, format, storage, stream, _owned, _progress, cancellationToken);
        weights.Check(spec.Manifest());
        long freeBefore = device.Info.FreeBytes;
        EnginePlan plan = new EnginePlanner(_options, spec, device).Resolve(storage);

        DecoderModel model = DecoderModel.Load(spec, new ModelBuilder(weights, plan.Limits, _owned));
        Report("cache", weights.BytesTotal);
        // A size that was asked for is taken; one that was guessed from what is free grows with the load.
        KvCacheMemory cache = Own(new KvCacheMemory(
            device, spec.CacheLayers, plan.CacheType, plan.BlockCount, plan.BlockTokens, touch: _options.KvCacheBytes is not null));
        StepUpload upload = Own(new StepUpload(stream));
        StepSampler sampler = Own(new StepSampler(device, spec.VocabularySize, new SampledRows(plan.Limits.LogitRows, _options.MaxLogprobs), upload));
        ForwardPass forward = Own(new ForwardPass(spec, model, plan, stream, cache, upload, sampler.Tokens));
        ModelExecutor executor = Own(new ModelExecutor(forward, sampler, upload, plan));
        if (device.Info is { Products.Length: > 0 } info)
        {
            LoadLog.Products(_logger, info.Name, info.Products, ByteText.Of(info.FreeBytes), ByteText.Of(freeBefore));
        }
        LoadLog.Loaded(
            _logger, config.Architecture, device.Info.Name, WeightsText(weightType), CacheTypeNames.NameOf(plan.CacheType),
            plan.MaxModelLength, plan.BlockCount, plan.BlockTokens, plan.Memory);
        return Hand(executor, config, spec, defaults, plan, weights.ParameterCount);
    }

    private LoadedModel Hand(
        ModelExecutor executor, ModelConfig config, DecoderSpec spec, GenerationDefaults defaults, EnginePlan plan, long parameterCount)
    {
        IReadOnlyList<int> ends = defaults.EndTokenIds.Count > 0 ? defaults.EndTokenIds : config.EndTokenIds;
        var model = new LoadedModel([.. _owned])
        {
            Config = config,
            Defaults = defaults,
            EndTokenIds = [.. ends.Where(id => id < spec.VocabularySize).Distinct()],
            Executor = executor,
            BlockCount = plan.BlockCount,
            BlockTokens = plan.BlockTokens,
            MaxModelLength = plan.MaxModelLength,
            MaxLogitRows = plan.Limits.LogitRows,
            VocabularySize = spec.VocabularySize,
            Architecture = config.Architecture,
            DType = ElementTypeNames.NameOf(plan.Storage.Type),
            ParameterCount = parameterCount,
            Memory = plan.Memory.Parts,
        };
        _owned.Clear(); // the model frees them now
        return model;
    }

    /// <summary>The option's type; else config.json's; else that of the embedding as stored.</summary>
    private ElementType WeightTypeOf(ModelConfig config, DecoderSpec spec, Checkpoint checkpoint) =>
        ElementTypeNames.ParseOption("dtype", _options.DType)
            ?? ElementTypeNames.Parse(config.DType)
            ?? (checkpoint.Tensors.TryGetValue(spec.Embedding.Name, out StoredTensor? stored) ? stored.Type.ToElementType() : null)
            ?? ElementType.Float32;

    private string WeightsText(ElementType type) =>
        ElementTypeNames.NameOf(type) + (_options.Quantization == "none" ? "" : $" as {_options.Quantization}");

    private void Report(string stage, long bytesDone) => _progress?.Report(new LoadProgress(stage, bytesDone, bytesDone));

    private T Own<T>(T item)
        where T : IDisposable
    {
        _owned.Add(item);
        return item;
    }

    internal static void Free(IReadOnlyList<IDisposable> owned)
    {
        for (int i = owned.Count - 1; i >= 0; i--)
        {
            owned[i].Dispose();
        }
    }
}
