using System.Text.Json;

namespace KServePaged.Predictor.Protocols.OpenInference;

/// <summary>An infer request after decoding, the same for every transport and tensor form.</summary>
internal sealed record InferRequest
{
    /// <summary>As the client gave it; null = none.</summary>
    public string? Id { get; init; }

    /// <summary>Request parameters: strings, numbers or booleans.</summary>
    public IReadOnlyDictionary<string, JsonElement> Parameters { get; init; } = new Dictionary<string, JsonElement>();

    public required IReadOnlyList<InferTensor> Inputs { get; init; }

    /// <summary>Outputs wanted, in the client's order; empty = all.</summary>
    public IReadOnlyList<string> Outputs { get; init; } = [];
}
