using KServePaged.Engine.Weights;

namespace KServePaged.Engine.Models.Layers;

/// <summary>x / sqrt(mean(x²) + epsilon) · weight.</summary>
internal sealed record RmsNormSpec(VectorSpec Weight, double Epsilon) : NormSpec
{
    public override IEnumerable<VectorSpec> Vectors => [Weight];

    public override INorm Load(ModelBuilder builder) => new RmsNorm(builder.Weights.Vector(Weight), (float)Epsilon);
}
