namespace KServePaged.Engine.Models.Architectures;

/// <summary>Largest sizes that a configuration may name: above every published model, and small enough that products stay in range.</summary>
internal static class ConfigLimits
{
    public const int Hidden = 1 << 18;
    public const int FeedForward = 1 << 20;
    public const int Heads = 1 << 12;
    public const int Layers = 1 << 12;
    public const int Vocabulary = 1 << 24;
    public const int Positions = 1 << 28;

    /// <summary>What the attention kernel takes.</summary>
    public const int HeadDim = 512;
}
