namespace KServePaged.Predictor.Hosting;

/// <summary>
/// One budget for the models of a repository. Each gets room for its weights and an equal part of what all weights together leave over, so that
/// every model of the repository can be loaded beside the others, in any order, without taking anything from one that runs.
/// </summary>
/// <param name="budget">Bytes for all models.</param>
internal sealed class MemoryShares(long budget)
{
    private readonly Dictionary<ServedModel, long> _taken = [];

    public long Left => budget - _taken.Values.Sum();

    /// <summary>What a model may take now.</summary>
    /// <param name="all">Every model of the repository, loaded or not.</param>
    public long For(ServedModel model, IReadOnlyCollection<ServedModel> all)
    {
        long weights = all.Sum(other => other.WeightBytes);
        // Where the weights do not all fit at once, a fifth is kept for caches: models then take turns.
        long rest = Math.Max(budget - weights, budget / 5);
        return Math.Min(model.WeightBytes + (rest / Math.Max(1, all.Count)), Left);
    }

    public void Take(ServedModel model) => _taken[model] = model.MemoryBytes;

    public void Release(ServedModel model) => _taken.Remove(model);
}
