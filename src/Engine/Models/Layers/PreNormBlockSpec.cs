using KServePaged.Engine.Weights;

namespace KServePaged.Engine.Models.Layers;

/// <summary>h += attention(norm(h)); h += feedForward(norm(h)).</summary>
internal sealed record PreNormBlockSpec(
    NormSpec AttentionNorm, SublayerSpec Attention, NormSpec FeedForwardNorm, SublayerSpec FeedForward) : BlockSpec
{
    public override IEnumerable<LinearSpec> Linears => Attention.Linears.Concat(FeedForward.Linears);

    public override IEnumerable<VectorSpec> Vectors =>
        AttentionNorm.Vectors.Concat(Attention.Vectors).Concat(FeedForwardNorm.Vectors).Concat(FeedForward.Vectors);

    public override IEnumerable<KvLayerShape> CacheLayers => Attention.CacheLayers.Concat(FeedForward.CacheLayers);

    public override long ScratchBytes(StepLimits limits) => Math.Max(Attention.ScratchBytes(limits), FeedForward.ScratchBytes(limits));

    public override IBlock Load(ModelBuilder builder) => new PreNormBlock(
        AttentionNorm.Load(builder), Attention.Load(builder), FeedForwardNorm.Load(builder), FeedForward.Load(builder));
}
