namespace KServePaged.Engine.Weights;

/// <summary>One matrix product; its rows are the parts' in order, as with a fused query, key and value.</summary>
internal sealed record LinearSpec(int InFeatures, params IReadOnlyList<LinearPart> Parts)
{
    public int OutFeatures => Parts.Sum(part => part.OutFeatures);

    public bool HasBias => Parts.Any(part => part.HasBias);
}
