namespace KServePaged.Predictor.Protocols.OpenInference.Rest;

/// <summary>Which tensors of an answer are wanted in its binary part.</summary>
/// <param name="ByDefault">The request's binary_data_output.</param>
/// <param name="Named">binary_data of the outputs that have it: it wins over the default.</param>
internal sealed record BinaryOutputs(bool ByDefault, IReadOnlyDictionary<string, bool> Named)
{
    public bool Include(string output) => Named.TryGetValue(output, out bool wanted) ? wanted : ByDefault;
}
