namespace KServePaged.Engine.Weights;

/// <summary>A tensor that a model needs of its checkpoint.</summary>
internal sealed record TensorNeed(string Name, params IReadOnlyList<long> Shape);
