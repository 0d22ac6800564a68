namespace KServePaged.Engine.Models.Layers;

/// <summary>A rotary position embedding. Layers that share one share its table, so make one object for them.</summary>
internal sealed class RotarySpec
{
    /// <summary>Radians per position of each rotated pair; the first 2 × Count components of a head rotate.</summary>
    public required IReadOnlyList<double> InverseFrequencies { get; init; }

    /// <summary>On sines and cosines.</summary>
    public double Scale { get; init; } = 1;

    /// <summary>Pairs (2i, 2i + 1) instead of (i, half + i).</summary>
    public bool Interleaved { get; init; }
}
