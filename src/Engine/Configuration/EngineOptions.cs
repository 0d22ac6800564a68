using System.ComponentModel.DataAnnotations;

namespace KServePaged.Engine.Configuration;

/// <summary>What an engine is started with. Resolved once against the model and the device into an <c>EnginePlan</c>.</summary>
public sealed record EngineOptions
{
    /// <summary>Directory in Hugging Face's layout: config.json, *.safetensors, optionally tokenizer.json and the rest.</summary>
    [Required] public required string ModelPath { get; init; }

    /// <summary>Value of the metrics' label <c>model_name</c>; null = the last part of <see cref="ModelPath"/>.</summary>
    public string? ModelName { get; init; }

    /// <summary>Another directory for tokenizer.json and the chat template; null = the model's.</summary>
    public string? TokenizerPath { get; init; }

    /// <summary>A Jinja file that replaces the model's chat template; null = the model's.</summary>
    public string? ChatTemplatePath { get; init; }

    /// <summary>Longest prompt plus output in tokens; null = the model's own limit, cut to what the cache can hold.</summary>
    [Range(1, int.MaxValue)] public int? MaxModelLength { get; init; }

    /// <summary>Sequences that run together.</summary>
    [Range(1, 4096)] public int MaxSequences { get; init; } = 128;

    /// <summary>Token budget of a step: decodes first, the rest for chunks of prompts.</summary>
    [Range(1, 1 << 20)] public int MaxBatchedTokens { get; init; } = 512;

    /// <summary>
    /// Prompt tokens of a step in which sequences decode, or three times all that run or wait to, where that is more. All streams wait for the whole step:
    /// smaller keeps the time between tokens even, larger brings the first token of new prompts sooner.
    /// </summary>
    [Range(1, 1 << 20)] public int MixedPromptTokens { get; init; } = 48;

    /// <summary>Tokens per cache block.</summary>
    [Range(1, 256)] public int BlockTokens { get; init; } = 16;

    /// <summary>Whether computed prompt blocks are kept and found again by later requests.</summary>
    public bool EnablePrefixCaching { get; init; } = true;

    /// <summary>Type of weights and matrix products: auto (the checkpoint's), float32, bfloat16, float16.</summary>
    public string DType { get; init; } = "auto";

    /// <summary>How matrices are stored, whatever the checkpoint's type: none (as they are), int8, int8-dynamic (inputs of 8 bits too), fp8 (on a GPU), int4.</summary>
    public string Quantization { get; init; } = "none";

    /// <summary>Type of cached keys and values: auto (that of the products), float32, bfloat16, float16, int8 (a scale for each token and head).</summary>
    public string KvCacheDType { get; init; } = "auto";

    /// <summary>auto, cpu or cuda.</summary>
    public string Device { get; init; } = "auto";

    /// <summary>CPU worker threads; 0 = what affinity and the cgroup's quota allow.</summary>
    [Range(0, 1024)] public int Threads { get; init; }

    /// <summary>
    /// Whether each CPU worker and the engine's thread stay on one processor. For machines of one's own: beside another busy process a pinned
    /// worker cannot leave the processor that is taken.
    /// </summary>
    public bool PinThreads { get; init; }

    /// <summary>Instruction set of the CPU kernels: auto, scalar, avx2, avx512, avx512_bf16.</summary>
    public string Isa { get; init; } = "auto";

    /// <summary>
    /// Whether what a sequence gets has the same bits whoever shares its batch. False: on a Hopper GPU products of many rows take kernels whose
    /// rounding nobody has compared with that of the others. The CPU has no such kernels.
    /// </summary>
    public bool BatchInvariant { get; init; } = true;

    /// <summary>Bytes of the cache pool; null = from <see cref="MemoryFraction"/>.</summary>
    [Range(1, long.MaxValue)] public long? KvCacheBytes { get; init; }

    /// <summary>Share of the device's memory that weights, working space and cache may take together. Fraction of 1.</summary>
    [Range(0.05, 0.98)] public double MemoryFraction { get; init; } = 0.9;

    /// <summary>Bytes that weights, working space and cache may take together, where several engines share a device; null = from <see cref="MemoryFraction"/>.</summary>
    [Range(1, long.MaxValue)] public long? MemoryBytes { get; init; }

    /// <summary>Requests that may wait beside the running ones before new ones are refused.</summary>
    [Range(1, 1 << 20)] public int MaxQueuedRequests { get; init; } = 4096;

    /// <summary>Largest number of alternatives a request may ask log-probabilities for.</summary>
    [Range(0, 1024)] public int MaxLogprobs { get; init; } = 20;

    /// <summary>Largest <c>n</c>.</summary>
    [Range(1, 16384)] public int MaxOutputsPerRequest { get; init; } = 128;

    /// <summary>Seed for requests that name none; null = a random one a request.</summary>
    public long? Seed { get; init; }
}
