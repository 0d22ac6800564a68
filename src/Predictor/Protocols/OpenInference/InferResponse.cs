namespace KServePaged.Predictor.Protocols.OpenInference;

/// <summary>An infer answer before encoding.</summary>
internal sealed record InferResponse(string ModelName, string ModelVersion, string Id, IReadOnlyList<InferTensor> Outputs);
