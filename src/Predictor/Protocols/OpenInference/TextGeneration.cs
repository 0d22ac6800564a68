using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Generation;

namespace KServePaged.Predictor.Protocols.OpenInference;

/// <summary>An infer or generate request after mapping: one generation for each prompt, and what the answer shall hold.</summary>
/// <param name="Requests">One for each prompt, in the order of the input.</param>
/// <param name="IsBatch">The input had a batch dimension: ids of the answer have one too.</param>
/// <param name="Outputs">Names of the answer's tensors, in order.</param>
internal sealed record TextGeneration(
    IReadOnlyList<GenerationRequest> Requests, bool IsBatch, GenerationOptions Options, IReadOnlyList<string> Outputs);
