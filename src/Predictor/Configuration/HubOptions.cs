namespace KServePaged.Predictor.Configuration;

/// <summary>Where models are downloaded from and kept; the environment variables are those of Hugging Face's own client.</summary>
internal sealed record HubOptions
{
    private const string DefaultEndpoint = "https://huggingface.co";

    /// <summary>HF_ENDPOINT: the Hub, or a mirror of it; without a slash at the end.</summary>
    public string Endpoint { get; init; } = DefaultEndpoint;

    /// <summary>HF_TOKEN; null = see <see cref="TokenPath"/>.</summary>
    public string? Token { get; init; }

    /// <summary>HF_TOKEN_PATH: a file that may hold the token; it need not exist.</summary>
    public string? TokenPath { get; init; }

    /// <summary>HF_HUB_CACHE, or hub in HF_HOME, or in the user's cache directory.</summary>
    public string CachePath { get; init; } = "";

    /// <summary>HF_HUB_OFFLINE: nothing is asked, and what is in the cache is served.</summary>
    public bool Offline { get; init; }

    /// <param name="variable">The value of a variable of the environment; null where it is not set or empty.</param>
    /// <param name="inKubernetes">There the root is read-only and a home need not exist: the default is below the directory for temporary files.</param>
    public static HubOptions Read(Func<string, string?> variable, bool inKubernetes)
    {
        string home = variable("HF_HOME") ?? Path.Combine(CacheHome(variable, inKubernetes), "huggingface");
        return new HubOptions
        {
            Endpoint = (variable("HF_ENDPOINT") ?? DefaultEndpoint).TrimEnd('/'),
            Token = variable("HF_TOKEN") ?? variable("HUGGING_FACE_HUB_TOKEN"),
            TokenPath = variable("HF_TOKEN_PATH") ?? Path.Combine(home, "token"),
            CachePath = variable("HF_HUB_CACHE") ?? variable("HUGGINGFACE_HUB_CACHE") ?? Path.Combine(home, "hub"),
            Offline = (variable("HF_HUB_OFFLINE") ?? variable("TRANSFORMERS_OFFLINE")) is { } value && OptionValues.TryBoolean(value) == true,
        };
    }

    /// <summary>A token never gets into a log by way of a record's text.</summary>
    public override string ToString() => $"{Endpoint}, cache {CachePath}{(Offline ? ", offline" : "")}";

    private static string CacheHome(Func<string, string?> variable, bool inKubernetes) =>
        variable("XDG_CACHE_HOME")
        ?? (!inKubernetes && variable("HOME") is { } home ? Path.Combine(home, ".cache") : Path.GetTempPath());
}
