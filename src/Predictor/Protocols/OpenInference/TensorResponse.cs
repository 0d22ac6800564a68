namespace KServePaged.Predictor.Protocols.OpenInference;

/// <param name="IsLast">No other response to the request follows.</param>
internal sealed record TensorResponse(IReadOnlyList<InferTensor> Outputs, bool IsLast);
