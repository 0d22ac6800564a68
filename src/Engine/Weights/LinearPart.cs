namespace KServePaged.Engine.Weights;

/// <summary>Rows of a matrix product that a checkpoint stores under one name.</summary>
/// <param name="Name">Without <c>.weight</c> and <c>.bias</c>.</param>
/// <param name="OutFeatures">Rows of the weight [out, in].</param>
/// <param name="HasBias">There is a <c>.bias</c> [out].</param>
internal sealed record LinearPart(string Name, int OutFeatures, bool HasBias = false);
