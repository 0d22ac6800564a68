using KServePaged.Engine.Configuration;

namespace KServePaged.Quality;

/// <summary>A way to store weights and cache, by the options that choose it.</summary>
/// <param name="Options">As on the command line, for tables.</param>
/// <param name="Apply">The same on the engine's options.</param>
internal sealed record Setting(string Options, Func<EngineOptions, EngineOptions> Apply)
{
    /// <summary>What all others are compared with: nothing is rounded beyond fp32.</summary>
    public static Setting Full { get; } = new("--dtype float32 --kv_cache_dtype float32", options => options with { DType = "float32", KvCacheDType = "float32" });

    public static IReadOnlyList<Setting> Compared { get; } =
    [
        new("--dtype bfloat16", options => options with { DType = "bfloat16" }),
        Weights("int8"),
        Weights("int8-dynamic"),
        // The CUDA kernels, run by their emulation: whoever has no GPU gets the same figures.
        new("--quantization fp8", options => options with { Quantization = "fp8", Device = "cudaemu" }),
        Weights("int4"),
        Cache("bfloat16"),
        Cache("float16"),
        Cache("int8"),
        new("--quantization int4 --kv_cache_dtype int8", options => options with { Quantization = "int4", KvCacheDType = "int8" }),
    ];

    private static Setting Weights(string name) => new($"--quantization {name}", options => options with { Quantization = name });

    // In fp32 otherwise, so that only the cache's rounding shows.
    private static Setting Cache(string type) => new($"--dtype float32 --kv_cache_dtype {type}", options => options with { DType = "float32", KvCacheDType = type });
}
