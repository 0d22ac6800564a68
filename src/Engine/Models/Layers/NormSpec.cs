using KServePaged.Engine.Weights;

namespace KServePaged.Engine.Models.Layers;

/// <summary>A kind of norm with its weights' names.</summary>
internal abstract record NormSpec
{
    public abstract IEnumerable<VectorSpec> Vectors { get; }

    public abstract INorm Load(ModelBuilder builder);
}
