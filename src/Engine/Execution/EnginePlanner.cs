using KServePaged.Engine.Configuration;
using KServePaged.Engine.Kernels;
using KServePaged.Engine.Models;
using KServePaged.Engine.Weights;

namespace KServePaged.Engine.Execution;

/// <summary>Resolves options × model × device into an <see cref="EnginePlan"/>, or refuses with figures and what to change.</summary>
/// <param name="options">What the engine is started with.</param>
/// <param name="spec">The model.</param>
/// <param name="device">Where it is to run; how much memory is free is asked once.</param>
internal sealed class EnginePlanner(EngineOptions options, DecoderSpec spec, Device device)
{
    private readonly MemoryLedger _ledger = new();
    private readonly DeviceInfo _info = device.Info;
    private readonly IReadOnlyList<KvLayerShape> _layers = spec.CacheLayers;

    private long FreeBytes => Math.Min(UsableBytes(_info), options.MemoryBytes ?? long.MaxValue);

    private long BudgetBytes => options.MemoryBytes is null ? (long)(options.MemoryFraction * FreeBytes) : FreeBytes;

    private string BudgetText => options.MemoryBytes is { } share
        ? $"its share of the memory for models is {ByteText.Of(share)} and {ByteText.Of(UsableBytes(_info))} are free. "
        : $"memory_fraction {options.MemoryFraction} of the {ByteText.Of(FreeBytes)} that are free is {ByteText.Of(BudgetBytes)}. ";

    private string TakenText => _info.Isa == Isa.Auto && _info.FreeBytes < 0.9 * _info.TotalBytes
        ? $"Of the device's {ByteText.Of(_info.TotalBytes)} {ByteText.Of(_info.TotalBytes - _info.FreeBytes)} are taken already, by other processes or other models of this one. "
        : "";

    /// <summary>
    /// What of a device's free memory engines may divide. Where it is the process's own memory, as on a CPU, the process needs some besides:
    /// code, heap, buffers of requests. Measured: 100 MB after 2,000 prompts; without this a small container's cache, once full, ends it.
    /// </summary>
    public static long UsableBytes(DeviceInfo device)
    {
        const long ProcessBytes = 160L << 20;
        long free = Math.Min(device.TotalBytes, device.FreeBytes);
        return device.Isa == Isa.Auto ? free : Math.Max(free - ProcessBytes, free / 2);
    }

    /// <param name="storage">How matrices are stored; its type is that of tables too.</param>
    /// <exception cref="InvalidDataException">An option is out of the model's range, or the memory does not suffice.</exception>
    public EnginePlan Resolve(LinearFormat storage)
    {
        if (options.MaxModelLength > spec.MaxPositions)
        {
            throw new InvalidDataException(
                $"max_model_len is {options.MaxModelLength}, but the model was made for {spec.MaxPositions} positions; use at most that.");
        }
        ElementType computeType = storage.Type == ElementType.BFloat16 ? ElementType.BFloat16 : ElementType.Float32;
        CacheType cacheType = CacheTypeOf(computeType);
        int length = options.MaxModelLength ?? spec.MaxPositions;
        // A row of logits belongs to a token of the step; more rows than sequences serve prompts that are scored, where they are cheap.
        int logitRows = Math.Min(options.MaxBatchedTokens, Math.Max(options.MaxSequences, CheapLogitRows));
        var limits = new StepLimits(device, options.MaxBatchedTokens, length, logitRows, computeType);

        AddFixedParts(limits, storage);
        int blockCount = CountBlocks(cacheType, length);
        _ledger.Add("cache", blockCount * BlockBytes(cacheType));
        return new EnginePlan
        {
            Limits = limits,
            Storage = storage,
            CacheType = cacheType,
            MaxModelLength = (int)Math.Min(length, (long)blockCount * options.BlockTokens),
            MaxSequences = options.MaxSequences,
            BlockTokens = options.BlockTokens,
            BlockCount = blockCount,
            Memory = _ledger,
        };
    }

    private CacheType CacheTypeOf(ElementType computeType)
    {
        CacheType type = CacheTypeNames.ParseOption(options.KvCacheDType)
            ?? (computeType == ElementType.BFloat16 ? CacheType.BFloat16 : CacheType.Float32);
        if (type == CacheType.Int8 && _layers.Any(layer => options.BlockTokens * layer.HeadDim % 4 != 0))
        {
            throw new InvalidDataException(
                $"kv_cache_dtype int8 needs a block_size whose product with the head size is a multiple of 4, and block_size is {options.BlockTokens}; use 4 or 16.");
        }
        return type;
    }

    private int CheapLogitRows
    {
        get
        {
            const long CheapBytes = 32L << 20;
            return (int)Math.Min(CheapBytes / EnginePlan.LogitsBytes(spec, 1), int.MaxValue);
        }
    }

    private void AddFixedParts(StepLimits limits, LinearFormat storage)
    {
        WeightManifest manifest = spec.Manifest();
        _ledger.Add(MemoryLedger.Weights, manifest.Bytes(device, storage));
        _ledger.SetLoadBytes(WeightLoader.ThreadsFor(_info) * manifest.Linears.Max(linear => device.LinearLaneBytes(linear.InFeatures)));
        _ledger.Add("activations", WorkingMemory.BytesFor(spec, limits));
        if (manifest.ScratchBytes(device, storage) is > 0 and var scratch)
        {
            _ledger.Add("inputs of products", scratch);
        }
        _ledger.Add("logits", EnginePlan.LogitsBytes(spec, limits.LogitRows));
        _ledger.Add("sampling", device.SampleWorkspaceBytes(limits.LogitRows, spec.VocabularySize));
        if (_info.HasGraphs)
        {
            _ledger.Add("graphs", GraphBytes(limits));
        }
    }

    /// <summary>
    /// What the driver will take for recorded steps, which nobody can say before: it allocates, not this program. 64 KiB for a kernel is a guess
    /// on the safe side that no GPU has confirmed; a share of the memory bounds it, since where graphs find no more memory steps run without.
    /// </summary>
    private long GraphBytes(StepLimits limits)
    {
        const long KernelBytes = 64L << 10;
        const int KernelsBesideProducts = 16; // embedding, angles, gathered rows, sampling
        const int MostOfMemory = 32;
        // A product may lay out its inputs first; rotation and attention are two of each cached layer.
        long kernels = (2 * spec.Manifest().Linears.Count) + (2 * _layers.Count) + KernelsBesideProducts;
        var ladder = new ShapeLadder(Math.Min(options.MaxSequences, options.MaxBatchedTokens), limits.Context, options.BlockTokens);
        return Math.Min(Math.Min(ladder.RungCount, StepGraphs.MostGraphs) * kernels * KernelBytes, FreeBytes / MostOfMemory);
    }

    private int CountBlocks(CacheType cacheType, int length)
    {
        long taken = _ledger.Total;
        long pool = options.KvCacheBytes ?? BudgetBytes - taken;
        if (taken + Math.Max(pool, 0) > FreeBytes || _ledger.LoadPeak > FreeBytes || pool <= 0)
        {
            throw new InvalidDataException(
                $"The model does not fit: it takes {_ledger}" +
                (options.KvCacheBytes is { } asked ? $", and kv_cache_memory asks for {ByteText.Of(asked)}" : "") +
                $"; {BudgetText}{TakenText}" +
                "Give it more memory, or lower max_num_batched_tokens, max_num_seqs or kv_cache_memory, or choose a smaller dtype or a quantization.");
        }
        int perSequence = EnginePlan.BlocksFor(length, options.BlockTokens);
        // More than all sequences can fill at once would serve the prefix cache only, and on a CPU takes memory from everything else.
        long blocks = Math.Min(pool / BlockBytes(cacheType), Math.Min((long)options.MaxSequences * perSequence, int.MaxValue));
        // Without an explicit length the context is cut to what the pool holds, so that the longest request can always run alone.
        if (blocks < (options.MaxModelLength is null ? 1 : perSequence))
        {
            throw new InvalidDataException(
                $"The cache is too small: {ByteText.Of(pool)} are left for it and hold {blocks} blocks of {options.BlockTokens} tokens, but a " +
                $"sequence of {length} tokens takes {perSequence} blocks ({ByteText.Of(perSequence * BlockBytes(cacheType))}). " +
                "Raise kv_cache_memory or memory_fraction, or lower max_model_len.");
        }
        return (int)blocks;
    }

    private long BlockBytes(CacheType cacheType) => KvCacheMemory.BlockBytes(_layers, cacheType, options.BlockTokens);
}
