using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Hosting;

namespace KServePaged.Predictor.Autoscaling;

/// <summary>A figure worth scaling on, by the name it has on /metrics.</summary>
/// <param name="Of">Its value for one engine.</param>
/// <param name="Merge">Of the values of several: loads add up, shares and waiting times do not.</param>
internal sealed record LoadMetric(string Name, Func<EngineStatistics, double> Of, Func<IEnumerable<double>, double> Merge)
{
    public static IReadOnlyList<LoadMetric> All { get; } =
    [
        new("kservepaged_queued_tokens", load => load.PendingTokens, Enumerable.Sum),
        new("kservepaged_work_seconds", load => load.WorkSeconds, Enumerable.Sum),
        new("kservepaged_predicted_ttft_seconds", load => load.FirstTokenSeconds, Enumerable.Max),
        new("vllm:num_requests_waiting", load => load.WaitingSequences, Enumerable.Sum),
        new("vllm:num_requests_running", load => load.RunningSequences, Enumerable.Sum),
        new("vllm:kv_cache_usage_perc", load => load.TotalBlocks == 0 ? 0 : (double)load.UsedBlocks / load.TotalBlocks, Enumerable.Max),
    ];

    /// <summary>The metric of a name, whose colon may be written as an underscore as everywhere where colons are refused; null = there is none.</summary>
    public static LoadMetric? Named(string name) => All.FirstOrDefault(metric => metric.Name == name || metric.Name.Replace(':', '_') == name);

    /// <summary>Its value for this process: of every loaded model together.</summary>
    public double Here(ModelRepository repository) => Merge([0.0, .. repository.Models.OfType<LanguageModel>()
        .Select(model => model.LoadedEngine).Where(engine => engine is not null).Select(engine => Of(engine!.Statistics))]);
}
