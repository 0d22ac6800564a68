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
}
