using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenInference;

/// <summary>Whether a request is what a model of tensors says it takes.</summary>
internal static class TensorRequest
{
    /// <returns>Its rows; 1 for a model without batches.</returns>
    /// <exception cref="RequestException">A tensor, parameter or output that the description does not have, or has otherwise.</exception>
    public static int Check(InferRequest request, string model, ModelDescription description, IReadOnlyList<string> parameters)
    {
        if (request.Inputs.Count != description.Inputs.Count || request.Inputs.DistinctBy(input => input.Name).Count() != request.Inputs.Count)
        {
            throw JsonFields.Invalid(
                $"the model '{model}' takes each of {string.Join(", ", description.Inputs.Select(input => input.Name))} once; the request has {request.Inputs.Count} inputs.", "inputs");
        }
        foreach (InferTensor input in request.Inputs)
        {
            CheckTensor(input, model, description);
        }
        foreach (string output in request.Outputs.Where(name => !description.Outputs.Any(output => output.Name == name)))
        {
            throw JsonFields.Invalid($"unexpected inference output '{output}' for model '{model}'.", "outputs");
        }
        foreach (string name in request.Parameters.Keys.Where(name => !parameters.Contains(name)))
        {
            throw JsonFields.Invalid($"the model '{model}' has no parameter '{name}'.", name);
        }
        return description.MaxBatchSize == 0 ? 1 : Rows(request.Inputs, model, description.MaxBatchSize);
    }

    /// <returns>The outputs that were asked for, in that order; all when none was.</returns>
    public static IReadOnlyList<InferTensor> Select(IReadOnlyList<InferTensor> outputs, IReadOnlyList<string> wanted) =>
        wanted.Count == 0 ? outputs : [.. wanted.Select(name => outputs.First(output => output.Name == name))];

    private static void CheckTensor(InferTensor input, string model, ModelDescription description)
    {
        TensorMetadata known = description.Inputs.FirstOrDefault(known => known.Name == input.Name)
            ?? throw JsonFields.Invalid($"unexpected inference input '{input.Name}' for model '{model}'.", "inputs");
        if (input.Datatype != known.Datatype)
        {
            throw JsonFields.Invalid($"input '{input.Name}': the model '{model}' takes {Datatypes.Name(known.Datatype)}, not {Datatypes.Name(input.Datatype)}.", "datatype");
        }
        IReadOnlyList<long> shape = description.WholeShape(known);
        if (shape.Count != input.Shape.Count || shape.Zip(input.Shape).Any(sizes => sizes.First != -1 && sizes.First != sizes.Second))
        {
            throw JsonFields.Invalid(
                $"input '{input.Name}': the model '{model}' takes the shape [{string.Join(',', shape)}], not [{string.Join(',', input.Shape)}].", "shape");
        }
    }

    private static int Rows(IReadOnlyList<InferTensor> inputs, string model, int maxBatchSize)
    {
        long rows = inputs[0].Shape[0];
        return inputs.Any(input => input.Shape[0] != rows) ? throw JsonFields.Invalid("the inputs have batches of different sizes.", "shape")
            : rows >= 1 && rows <= maxBatchSize ? (int)rows
            : throw JsonFields.Invalid($"the batch must be of 1 to {maxBatchSize} rows for model '{model}', not {rows}.", "shape");
    }
}
