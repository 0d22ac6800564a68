using KServePaged.Engine.Kernels;
using KServePaged.Engine.Weights;

namespace KServePaged.Engine.Models.Layers;

/// <summary>Causal attention of query heads over cached keys and values; query head h reads key head h / (queryHeads / kvHeads).</summary>
internal sealed record AttentionSpec : SublayerSpec
{
    public required int QueryHeads { get; init; }

    /// <summary>Divides <see cref="QueryHeads"/>.</summary>
    public required int KvHeads { get; init; }

    public required int HeadDim { get; init; }

    /// <summary>On the products of query and key.</summary>
    public required double Scale { get; init; }

    /// <summary>Tokens that a query sees, itself included; null = all.</summary>
    public required int? Window { get; init; }

    /// <summary>Null = no rotation.</summary>
    public required RotarySpec? Rotary { get; init; }

    /// <summary>hidden → query heads, key heads, value heads.</summary>
    public required LinearSpec QueryKeyValue { get; init; }

    /// <summary>queryHeads × headDim → hidden.</summary>
    public required LinearSpec Output { get; init; }

    public override IEnumerable<LinearSpec> Linears => [QueryKeyValue, Output];

    public override IEnumerable<KvLayerShape> CacheLayers => [new(KvHeads, HeadDim)];

    public override long ScratchBytes(StepLimits limits) =>
        Scratch.SizeOf((long)limits.Tokens * QueryKeyValue.OutFeatures * ElementType.Float32.Bytes()) +
        Scratch.SizeOf((long)limits.Tokens * Output.InFeatures * limits.ComputeType.Bytes()) +
        Scratch.SizeOf(WorkspaceBytes(limits));

    public override ISublayer Load(ModelBuilder builder) => new Attention(this, builder);

    /// <summary>What the attention kernel itself works in.</summary>
    public long WorkspaceBytes(StepLimits limits) =>
        limits.Device.PagedAttentionWorkspaceBytes(limits.Tokens, QueryHeads, HeadDim, limits.Context);
}
