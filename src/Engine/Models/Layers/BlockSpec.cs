using KServePaged.Engine.Weights;

namespace KServePaged.Engine.Models.Layers;

/// <summary>A kind of block (how norms, sublayers and residual are wired) with its weights' names.</summary>
internal abstract record BlockSpec
{
    public abstract IEnumerable<LinearSpec> Linears { get; }

    public abstract IEnumerable<VectorSpec> Vectors { get; }

    public abstract IEnumerable<KvLayerShape> CacheLayers { get; }

    public abstract long ScratchBytes(StepLimits limits);

    public abstract IBlock Load(ModelBuilder builder);
}
