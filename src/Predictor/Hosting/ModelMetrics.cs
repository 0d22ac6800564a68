using System.Diagnostics.Metrics;
using KServePaged.Predictor.Storage;

namespace KServePaged.Predictor.Hosting;

/// <summary>What /metrics tells of every model from the first second on, also while it loads, and of the server as probes see it.</summary>
internal sealed class ModelMetrics : IDisposable
{
    // A series for each, 1 for the present one: an alert can ask for a stage that no model is in.
    private static readonly string[] Stages =
    [
        HealthState.WaitingStage, DownloadProgress.Stage, "tokenizer", "config", "weights", "cache", "warmup", HealthState.ReadyStage, HealthState.DrainingStage,
        HealthState.UnloadingStage, HealthState.UnloadedStage, HealthState.FailedStage,
    ];

    private readonly Meter _meter = new("KServePaged.Models");
    private readonly ModelRepository _models;

    public ModelMetrics(ModelRepository models)
    {
        _models = models;
        _meter.CreateObservableGauge("kservepaged_build_info", () => 1, null, "The product's version.", [new("version", ProductInfo.Version)]);
        _meter.CreateObservableGauge("kservepaged_server_live", () => models.Health.Live ? 1 : 0, null, "0 = only a restart helps.");
        _meter.CreateObservableGauge("kservepaged_server_ready", () => models.Health.Ready ? 1 : 0, null, "1 = takes requests.");
        _meter.CreateObservableGauge("kservepaged_model_stage", ModelStages, null, "1 for the stage that the model is in, 0 for the others.");
        _meter.CreateObservableGauge("kservepaged_model_ready", () => Each(health => health.Current.Ready ? 1 : 0), null, "1 = the model takes requests.");
        _meter.CreateObservableGauge(
            "kservepaged_load_duration_seconds", () => Each(health => health.Load.Time.TotalSeconds), null, "How long the model has been loading, or took to load.");
        _meter.CreateObservableGauge("kservepaged_load_done_bytes", () => Each(health => health.Load.BytesDone), null, "Bytes of the stage download or weights that are done.");
        _meter.CreateObservableGauge("kservepaged_load_size_bytes", () => Each(health => health.Load.BytesTotal), null, "Bytes that there are to download or load; 0 until known.");
        _meter.CreateObservableGauge(
            "kservepaged_load_eta_seconds", () => Each(health => health.Current.Remaining?.TotalSeconds ?? 0), null, "Estimate until the stage download or weights ends; 0 when there is none.");
    }

    public void Dispose() => _meter.Dispose();

    private IEnumerable<Measurement<T>> Each<T>(Func<HealthState, T> value)
        where T : struct => _models.Models.Select(model => new Measurement<T>(value(model.Health), NameOf(model)));

    private IEnumerable<Measurement<int>> ModelStages() =>
        from model in _models.Models
        let present = model.Health.Current.Stage
        from stage in Stages
        select new Measurement<int>(stage == present ? 1 : 0, NameOf(model), new KeyValuePair<string, object?>("stage", stage));

    private static KeyValuePair<string, object?> NameOf(ServedModel model) => new("model_name", model.Name);
}
