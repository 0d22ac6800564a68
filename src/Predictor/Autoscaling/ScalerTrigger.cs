using System.Globalization;
using System.Text.RegularExpressions;
using KServePaged.Predictor.Errors;
using KServePaged.Predictor.Transport.Grpc;

namespace KServePaged.Predictor.Autoscaling;

/// <summary>A trigger's metadata, in the words of its author or of KServe's controller.</summary>
/// <param name="Metric">What is scaled on: <c>metric</c>, or the name in KServe's <c>metricQuery</c>, <c>sum(name{…})</c>.</param>
/// <param name="Target">What it should be: <c>targetValue</c> or <c>target</c>.</param>
/// <param name="Peers"><c>peers</c>, or else <c>scalerAddress</c>, which KEDA hands on and which is all that can be said through an InferenceService: hosts and ports
/// whose addresses are the replicas, this one among them; null = this process speaks for itself.</param>
internal sealed partial record ScalerTrigger(LoadMetric Metric, double Target, string? Peers)
{
    /// <exception cref="GrpcException">INVALID_ARGUMENT: what is missing or unknown, by its key.</exception>
    public static ScalerTrigger Read(IReadOnlyDictionary<string, string> metadata)
    {
        string name = metadata.GetValueOrDefault("metric") ?? NameIn(metadata.GetValueOrDefault("metricQuery") ?? LoadMetric.All[0].Name);
        LoadMetric metric = LoadMetric.Named(name) ?? throw Invalid(
            $"metric '{name}' is none of {string.Join(", ", LoadMetric.All.Select(known => known.Name))}.");
        string key = metadata.ContainsKey("targetValue") ? "targetValue" : "target";
        string text = metadata.GetValueOrDefault(key) ?? throw Invalid("targetValue is missing: the value of the metric that replicas should have.");
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double target) && target > 0 && double.IsFinite(target)
            ? new ScalerTrigger(metric, target, metadata.GetValueOrDefault("peers") ?? metadata.GetValueOrDefault("scalerAddress"))
            : throw Invalid($"{key} '{text}' is no number above 0.");
    }

    private static string NameIn(string query) => QueriedName().Match(query) is { Success: true } match ? match.Groups["name"].Value : query;

    private static GrpcException Invalid(string message) => new(GrpcStatusCode.InvalidArgument, message);

    [GeneratedRegex(@"^\s*(?:\w+\s*\(\s*)?(?<name>[a-zA-Z_:][\w:]*)\s*(?:\{[^}]*\})?\s*\)?\s*$")]
    private static partial Regex QueriedName();
}
