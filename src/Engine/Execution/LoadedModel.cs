using KServePaged.Engine.Models;

namespace KServePaged.Engine.Execution;

/// <summary>A model with its weights, cache and working memory on a device, ready for steps. Dispose on the thread that runs the steps.</summary>
internal sealed class LoadedModel : IDisposable
{
    private readonly IReadOnlyList<IDisposable> _owned;

    /// <param name="owned">What it frees, in the order of its making.</param>
    public LoadedModel(IReadOnlyList<IDisposable> owned) => _owned = owned;

    public required ModelConfig Config { get; init; }

    public required GenerationDefaults Defaults { get; init; }

    /// <summary>Ids inside the vocabulary that end a generation: generation_config.json's, and where it names none config.json's.</summary>
    public required IReadOnlyList<int> EndTokenIds { get; init; }

    public required IStepExecutor Executor { get; init; }

    /// <summary>Blocks of the cache pool, ids 0 … BlockCount - 1.</summary>
    public required int BlockCount { get; init; }

    /// <summary>Tokens per block.</summary>
    public required int BlockTokens { get; init; }

    /// <summary>Longest prompt plus output, in tokens; the pool holds at least one such sequence.</summary>
    public required int MaxModelLength { get; init; }

    /// <summary>Logit rows that a step may have; at least one for each of its sequences.</summary>
    public required int MaxLogitRows { get; init; }

    public required int VocabularySize { get; init; }

    /// <summary>The architecture's name in config.json.</summary>
    public required string Architecture { get; init; }

    /// <summary>Type of weights and matrix products: <c>float32</c>, <c>bfloat16</c> or <c>float16</c>.</summary>
    public required string DType { get; init; }

    public required long ParameterCount { get; init; }

    /// <summary>Bytes of the device's memory that weights, working space and cache take.</summary>
    public required IReadOnlyList<(string Part, long Bytes)> Memory { get; init; }

    public void Dispose() => ModelLoader.Free(_owned);
}
