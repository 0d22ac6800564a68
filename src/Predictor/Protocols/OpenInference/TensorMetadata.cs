namespace KServePaged.Predictor.Protocols.OpenInference;

/// <param name="Shape">-1 = any size.</param>
internal sealed record TensorMetadata(string Name, Datatype Datatype, IReadOnlyList<long> Shape);
