namespace KServePaged.Predictor.Protocols.OpenInference.Rest;

/// <summary>
/// The part of a path behind /v2/models/: a model, perhaps a version, perhaps an action. Model names may hold slashes, escaped or not
/// (KServe's and Triton's clients send them bare), so the split is from the right: the action is the last segment if it is a known one.
/// </summary>
internal sealed record ModelRoute(string Model, string? Version, string Action)
{
    /// <summary>The model's own metadata: no action in the path.</summary>
    public const string Metadata = "";

    private static readonly string[] Actions = ["ready", "infer", "generate", "generate_stream", "config", "stats"];

    // The one action of two segments.
    public const string TraceSetting = "trace/setting";

    /// <param name="path">As received, still percent-encoded, without the leading /v2/models/.</param>
    /// <param name="isModel">Whether a name is one of the served models'; a model called "x/ready" wins over the action.</param>
    /// <returns>Null when nothing is left for a name.</returns>
    public static ModelRoute? Parse(string path, Func<string, bool> isModel)
    {
        string[] segments = path.TrimEnd('/').Split('/');
        if (segments is [""])
        {
            return null;
        }
        if (isModel(Name(segments)))
        {
            return new ModelRoute(Name(segments), null, Metadata);
        }
        string action = Metadata;
        if (segments.Length > 2 && $"{segments[^2]}/{segments[^1]}" == TraceSetting)
        {
            action = TraceSetting;
            segments = segments[..^2];
        }
        else if (segments.Length > 1 && Actions.Contains(segments[^1]))
        {
            action = segments[^1];
            segments = segments[..^1];
        }
        string? version = null;
        if (segments.Length > 2 && segments[^2] == "versions" && !isModel(Name(segments)))
        {
            version = Uri.UnescapeDataString(segments[^1]);
            segments = segments[..^2];
        }
        return new ModelRoute(Name(segments), version, action);
    }

    private static string Name(string[] segments) => string.Join('/', segments.Select(Uri.UnescapeDataString));
}
