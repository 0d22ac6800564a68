using KServePaged.Engine.Kernels;
using KServePaged.Engine.Models.Layers;
using KServePaged.Engine.Weights;

namespace KServePaged.Engine.Models;

/// <summary>
/// What a decoder is made of, with the checkpoint's names: the whole of what an architecture says. Pure data, so that a model can be
/// checked and sized before anything is loaded. Another topology is another <see cref="BlockSpec"/>, not a flag here.
/// </summary>
internal sealed record DecoderSpec
{
    public required int VocabularySize { get; init; }

    public required int HiddenSize { get; init; }

    /// <summary>Positions the model was made for: the limit of prompt plus output.</summary>
    public required int MaxPositions { get; init; }

    public required TableSpec Embedding { get; init; }

    public required IReadOnlyList<BlockSpec> Blocks { get; init; }

    public required NormSpec FinalNorm { get; init; }

    /// <summary>The product that makes logits; of the embedding's own rows where the two are tied.</summary>
    public required LinearSpec Head
    {
        get;
        init => field = value with { MakesLogits = true };
    }

    /// <summary>Tensors that may repeat another's bytes: copy → original.</summary>
    public IReadOnlyDictionary<string, string> Copies { get; init; } = new Dictionary<string, string>();

    /// <summary>Endings of names that old checkpoints carry although they follow from the configuration.</summary>
    public IReadOnlyList<string> DerivedSuffixes { get; init; } = [".rotary_emb.inv_freq"];

    /// <summary>What each caching layer caches, in the order of the layers.</summary>
    public IReadOnlyList<KvLayerShape> CacheLayers => [.. Blocks.SelectMany(block => block.CacheLayers)];

    public WeightManifest Manifest()
    {
        IEnumerable<BlockSpec> blocks = Blocks;
        return new WeightManifest
        {
            Linears = [.. blocks.SelectMany(block => block.Linears), Head],
            Vectors = [.. blocks.SelectMany(block => block.Vectors), .. FinalNorm.Vectors],
            Tables = [Embedding],
            Copies = Copies,
            DerivedSuffixes = DerivedSuffixes,
        };
    }

    /// <summary>Bytes of working memory that the hungriest layer takes.</summary>
    public long ScratchBytes(StepLimits limits)
    {
        long gatheredLogitRows = Scratch.SizeOf((long)limits.LogitRows * HiddenSize * ElementType.Float32.Bytes());
        return Blocks.Select(block => block.ScratchBytes(limits)).Append(gatheredLogitRows).Max();
    }
}
