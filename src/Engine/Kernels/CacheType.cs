namespace KServePaged.Engine.Kernels;

/// <summary>kp_cache_dtype of include/kp/kv_cache.h.</summary>
internal enum CacheType
{
    Float32 = 0,
    BFloat16 = 1,
    Float16 = 2,

    /// <summary>With one scale for each token and head.</summary>
    Int8 = 3,
}
