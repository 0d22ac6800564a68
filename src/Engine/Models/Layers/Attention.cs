using KServePaged.Engine.Kernels;

namespace KServePaged.Engine.Models.Layers;

internal sealed class Attention : ISublayer
{
    private readonly AttentionSpec _spec;
    private readonly Linear _queryKeyValue;
    private readonly Linear _output;
    private readonly RotaryEmbedding? _rotary;
    private readonly int _cacheLayer;
    private readonly int _queryKeyValueWidth;
    private readonly int _outputWidth;
    private readonly long _workspaceBytes;

    public Attention(AttentionSpec spec, ModelBuilder builder)
    {
        _spec = spec;
        _cacheLayer = builder.NextCacheLayer();
        _rotary = spec.Rotary is null ? null : builder.Rotary(spec.Rotary);
        _queryKeyValueWidth = spec.QueryKeyValue.OutFeatures;
        _outputWidth = spec.Output.InFeatures;
        _workspaceBytes = spec.WorkspaceBytes(builder.Limits);
        _queryKeyValue = new Linear(builder.Weights.Linear(spec.QueryKeyValue));
        _output = new Linear(builder.Weights.Linear(spec.Output));
    }

    public void Forward(ForwardContext context, INorm next)
    {
        context.Scratch.Reset();
        nint queryKeyValue = context.Scratch.Take((long)context.Tokens * _queryKeyValueWidth * ElementType.Float32.Bytes());
        nint attended = context.Scratch.Take((long)context.Tokens * _outputWidth * context.ComputeType.Bytes());
        _queryKeyValue.Forward(context, context.Normed, queryKeyValue);
        RotateAndCache(context, queryKeyValue);
        Attend(context, queryKeyValue, attended);
        if (context is { IsLastBlock: true, LogitTokens: not 0 })
        {
            nint kept = queryKeyValue; // read by now, and wide enough
            context.KeepLogitRows(attended, _outputWidth, kept);
            _output.AddAndNorm(context, kept, ElementType.Float32, next);
            return;
        }
        _output.AddAndNorm(context, attended, context.ComputeType, next);
    }

    private void RotateAndCache(ForwardContext context, nint queryKeyValue) => context.Stream.RopeCacheWrite(new RopeCacheWriteArguments
    {
        Qkv = queryKeyValue,
        QkvStride = _queryKeyValueWidth,
        CosSin = _rotary?.CosSin ?? 0,
        Half = _rotary?.Half ?? 0,
        Interleaved = _rotary is { Interleaved: true } ? 1 : 0,
        Slots = context.Slots,
        KeyCache = context.KeyCaches[_cacheLayer],
        ValueCache = context.ValueCaches[_cacheLayer],
        BlockStride = context.BlockStride,
        Tokens = context.Tokens,
        QueryHeads = _spec.QueryHeads,
        KvHeads = _spec.KvHeads,
        HeadDim = _spec.HeadDim,
        BlockTokens = context.BlockTokens,
        CacheType = context.CacheType,
    });

    private void Attend(ForwardContext context, nint queryKeyValue, nint attended) => context.Stream.PagedAttention(new PagedAttentionArguments
    {
        Q = queryKeyValue,
        QStride = _queryKeyValueWidth,
        KeyCache = context.KeyCaches[_cacheLayer],
        ValueCache = context.ValueCaches[_cacheLayer],
        BlockStride = context.BlockStride,
        BlockTables = context.BlockTables,
        BlockTableStride = context.BlockTableStride,
        QueryStart = context.QueryStart,
        Context = context.Context,
        Y = attended,
        YStride = _outputWidth,
        Workspace = context.Scratch.Take(_workspaceBytes),
        WorkspaceBytes = _workspaceBytes,
        Tokens = context.Tokens,
        Sequences = context.Sequences,
        QueryHeads = _spec.QueryHeads,
        KvHeads = _spec.KvHeads,
        HeadDim = _spec.HeadDim,
        BlockTokens = context.BlockTokens,
        Window = _spec.Window ?? 0,
        Scale = (float)_spec.Scale,
        CacheType = context.CacheType,
        YType = context.ComputeType,
        MaxContext = context.MaxContext,
    });
}
