using KServePaged.Predictor.Hosting;

namespace KServePaged.Predictor.Protocols.OpenInference;

/// <summary>A line of the repository's index.</summary>
/// <param name="State">READY, LOADING or UNAVAILABLE.</param>
/// <param name="Reason">Why it is not ready; empty when it is.</param>
internal sealed record RepositoryEntry(string Name, string State, string Reason)
{
    /// <summary>Every name of every model.</summary>
    public static IEnumerable<RepositoryEntry> Index(EngineHost host, bool readyOnly) =>
        from model in host.Models
        let health = model.Health.Current
        where health.Ready || !readyOnly
        from name in model.Names
        select new RepositoryEntry(name, StateOf(health), health.Ready ? "" : health.Message ?? ServedModel.Describe(health));

    private static string StateOf(HealthReport health) => health switch
    {
        { Ready: true } => "READY",
        { Live: true, Stage: not "draining" } => "LOADING",
        _ => "UNAVAILABLE",
    };
}
