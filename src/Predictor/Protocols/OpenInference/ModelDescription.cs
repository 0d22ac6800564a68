using KServePaged.Predictor.Hosting;

namespace KServePaged.Predictor.Protocols.OpenInference;

/// <summary>What metadata and configuration tell about a model.</summary>
/// <param name="Platform">The platform, and in configurations the backend too.</param>
/// <param name="MaxBatchSize">Most rows of a request; 0 = shapes hold their batch dimension themselves.</param>
/// <param name="Inputs">Shapes without the batch dimension that <paramref name="MaxBatchSize"/> adds.</param>
/// <param name="Outputs">As <paramref name="Inputs"/>.</param>
/// <param name="IsDecoupled">A request may have any number of responses.</param>
/// <param name="InputsAreOptional">None of the inputs in particular is needed.</param>
internal sealed record ModelDescription(
    string Platform, int MaxBatchSize, IReadOnlyList<TensorMetadata> Inputs, IReadOnlyList<TensorMetadata> Outputs, bool IsDecoupled, bool InputsAreOptional = false)
{
    /// <exception cref="Engine.Contracts.RequestException">A language model that is not loaded: its files say what it takes.</exception>
    public static ModelDescription Of(ServedModel model) => model switch
    {
        LanguageModel text => TextModel.Describe((text.LoadedEngine ?? text.Engine).Model),
        TensorModel tensors => tensors.Description,
        _ => throw new InvalidOperationException($"a kind of model that nobody describes: {model.GetType().Name}"),
    };

    /// <summary>The shape in metadata, batch dimension included.</summary>
    public IReadOnlyList<long> WholeShape(TensorMetadata tensor) => MaxBatchSize > 0 ? [-1, .. tensor.Shape] : tensor.Shape;
}
