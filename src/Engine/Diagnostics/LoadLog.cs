using Microsoft.Extensions.Logging;

namespace KServePaged.Engine.Diagnostics;

/// <summary>Log messages of loading a model; event ids from 3000.</summary>
internal static partial class LoadLog
{
    [LoggerMessage(3000, LogLevel.Information,
        "{Architecture} on {Device}: weights {WeightType}, cache {CacheType}, context {MaxModelLength}, {BlockCount} blocks of {BlockTokens} tokens; memory: {Memory}")]
    public static partial void Loaded(
        ILogger logger, string architecture, string device, string weightType, string cacheType, int maxModelLength, int blockCount,
        int blockTokens, object memory);

    [LoggerMessage(3004, LogLevel.Information,
        "Products on {Device}: rows {Products}; {Free} of its memory are free, of {FreeBefore} before the load")]
    public static partial void Products(ILogger logger, string device, string products, string free, string freeBefore);

    [LoggerMessage(3001, LogLevel.Warning,
        "threads is {Threads}, but this process may use {Processors} processors, so workers wait for one another; use at most that many, or 0")]
    public static partial void TooManyThreads(ILogger logger, int threads, int processors);

    [LoggerMessage(3003, LogLevel.Warning, "{Option} has no effect: it is for CPUs, and the model runs on {Device}")]
    public static partial void NotForGpus(ILogger logger, string option, string device);

    [LoggerMessage(3002, LogLevel.Information, "The CPU is used, since no GPU can be: {Reason}")]
    public static partial void NoGpu(ILogger logger, string reason);
}
