using KServePaged.Engine.Contracts;

namespace KServePaged.Predictor.Hosting;

/// <summary>
/// A public name behind which two models of the repository stand: the stable one, and perhaps a candidate that gets a share of the requests. Changed by
/// the repository alone; read from any thread.
/// </summary>
internal sealed class VariantRoute(string name, string stable, string? candidate, int percent)
{
    private volatile Share _share = new(stable, candidate, percent);

    public string Name => name;

    public string Stable => _share.Stable;

    /// <summary>Null when there is only the stable one.</summary>
    public string? Candidate => _share.Candidate;

    /// <summary>Of the requests that go to the candidate, 0 to 100.</summary>
    public int Percent => _share.Percent;

    public bool Has(ServedModel model) => _share is var share && (model.Names.Contains(share.Stable) || (share.Candidate is { } other && model.Names.Contains(other)));

    /// <summary>Names the model that answers a caller.</summary>
    /// <exception cref="RequestException">ModelNotFound: the variant asked for is none of the two.</exception>
    public string Choose(Caller caller)
    {
        Share share = _share;
        return caller.Variant switch
        {
            null => share.Candidate is { } candidate && Place(caller.RequestId) < share.Percent ? candidate : share.Stable,
            { } wanted when wanted == share.Stable || wanted == "stable" => share.Stable,
            { } wanted when share.Candidate is { } candidate && (wanted == candidate || wanted == "candidate") => candidate,
            { } wanted => throw new RequestException(
                EngineErrorCode.ModelNotFound,
                $"'{name}' has no variant '{wanted}'; it has {share.Stable} (stable){(share.Candidate is { } other ? $" and {other} (candidate)" : "")}.", Caller.Header),
        };
    }

    public void Set(string newCandidate, int newPercent) => _share = _share with { Candidate = newCandidate, Percent = newPercent };

    /// <summary>The candidate becomes the stable one.</summary>
    public void Promote() => _share = new Share(_share.Candidate ?? throw new InvalidOperationException("there is no candidate to promote"), null, 0);

    public void DropCandidate() => _share = _share with { Candidate = null, Percent = 0 };

    // FNV-1a: the same on every replica and after every restart. 0 to 99.
    private static uint Place(string requestId)
    {
        uint hash = 2166136261;
        foreach (char c in requestId)
        {
            hash = (hash ^ c) * 16777619;
        }
        hash ^= hash >> 15; // the low bits of ids that differ in their last letter are alike
        hash *= 0x2c1b3c6d;
        hash ^= hash >> 12;
        return hash % 100;
    }

    private sealed record Share(string Stable, string? Candidate, int Percent);
}
