using KServePaged.Predictor.Hosting;

namespace KServePaged.Predictor.Protocols.OpenInference;

/// <summary>A line of the repository's index.</summary>
/// <param name="State">READY, LOADING, UNLOADING or UNAVAILABLE.</param>
/// <param name="Reason">Why it is not ready; empty when it is.</param>
internal sealed record RepositoryEntry(string Name, string State, string Reason)
{
    /// <summary>Every name of every model, directories that have just appeared included.</summary>
    public static IEnumerable<RepositoryEntry> Index(ModelRepository repository, bool readyOnly)
    {
        repository.Scan();
        return
            from model in repository.Models
            let health = model.Health.Current
            where health.Ready || !readyOnly
            from name in repository.Routes.Where(route => model.Names.Contains(route.Stable)).Select(route => route.Name).Concat(model.Names)
            select new RepositoryEntry(name, StateOf(health), health.Ready ? "" : health.Message ?? ServedModel.Describe(health));
    }

    private static string StateOf(HealthReport health) => health switch
    {
        { Ready: true } => "READY",
        { Stage: HealthState.UnloadingStage } => "UNLOADING",
        { Live: true, Stage: not (HealthState.DrainingStage or HealthState.UnloadedStage) } => "LOADING",
        _ => "UNAVAILABLE",
    };
}
