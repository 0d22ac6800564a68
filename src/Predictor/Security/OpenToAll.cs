namespace KServePaged.Predictor.Security;

/// <summary>Metadata of the few endpoints that need no key: probes, which say nothing and cost nothing.</summary>
internal sealed class OpenToAll
{
    public static OpenToAll Instance { get; } = new();

    private OpenToAll()
    {
    }
}
