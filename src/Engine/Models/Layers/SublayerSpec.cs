using KServePaged.Engine.Weights;

namespace KServePaged.Engine.Models.Layers;

/// <summary>A kind of sublayer with its weights' names.</summary>
internal abstract record SublayerSpec
{
    public abstract IEnumerable<LinearSpec> Linears { get; }

    /// <summary>Besides the products' biases.</summary>
    public virtual IEnumerable<VectorSpec> Vectors => [];

    /// <summary>What it caches: nothing, or one entry.</summary>
    public virtual IEnumerable<KvLayerShape> CacheLayers => [];

    /// <summary>Bytes of scratch memory that its Forward takes.</summary>
    public abstract long ScratchBytes(StepLimits limits);

    public abstract ISublayer Load(ModelBuilder builder);
}
