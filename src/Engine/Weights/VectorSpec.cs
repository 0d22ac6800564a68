namespace KServePaged.Engine.Weights;

/// <summary>A vector by its full name, such as a norm's weight.</summary>
internal sealed record VectorSpec(string Name, int Length);
