namespace KServePaged.Engine.Weights;

/// <summary>One matrix product; its rows are the parts' in order, as with a fused query, key and value.</summary>
internal sealed record LinearSpec(int InFeatures, params IReadOnlyList<LinearPart> Parts)
{
    public int OutFeatures => Parts.Sum(part => part.OutFeatures);

    /// <summary>Its outputs are logits: what rounding does there reaches the choice of a token at once.</summary>
    public bool MakesLogits { get; init; }

    /// <summary>Its rows are gates, then as many ups.</summary>
    public bool IsGated { get; init; }

    public bool HasBias => Parts.Any(part => part.HasBias);
}
