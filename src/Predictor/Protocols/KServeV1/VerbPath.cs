namespace KServePaged.Predictor.Protocols.KServeV1;

/// <summary>/v1/models/{model}:{verb}. The model's name may itself hold slashes and colons: the verb is what follows the last colon.</summary>
internal sealed record VerbPath(string Model, string Verb)
{
    public const string Models = "/v1/models/";

    public const string Predict = "predict";

    public const string Explain = "explain";

    /// <param name="path">Percent-decoded.</param>
    /// <returns>Null when the path ends in none of this protocol's verbs.</returns>
    public static VerbPath? Parse(string path)
    {
        if (!path.StartsWith(Models, StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }
        string rest = path[Models.Length..].TrimEnd('/');
        int colon = rest.LastIndexOf(':');
        return colon > 0 && rest[(colon + 1)..] is Predict or Explain ? new VerbPath(rest[..colon], rest[(colon + 1)..]) : null;
    }
}
