namespace KServePaged.Predictor.Configuration;

/// <summary>What the events hold that answer CloudEvents; the environment variables are those of KServe's own server.</summary>
internal sealed record CloudEventOptions
{
    /// <summary>CE_MERGE=true: the request's optional attributes and extensions come back.</summary>
    public bool Merge { get; init; }

    /// <summary>CE_TYPE; null = io.kserve.inference.response.</summary>
    public string? Type { get; init; }

    /// <summary>CE_SOURCE; null = io.kserve.inference. and the model's name.</summary>
    public string? Source { get; init; }
}
