using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenInference;

/// <summary>Whether a request is what a model of tensors says it takes. Loops, not queries: every request of a small model passes here.</summary>
internal static class TensorRequest
{
    /// <returns>Its rows; 1 for a model without batches.</returns>
    /// <exception cref="RequestException">A tensor, parameter or output that the description does not have, or has otherwise.</exception>
    public static int Check(InferRequest request, string model, ModelDescription description, IReadOnlyList<string> parameters)
    {
        if (request.Inputs.Count != description.Inputs.Count || HasDuplicates(request.Inputs))
        {
            throw JsonFields.Invalid(
                $"the model '{model}' takes each of {string.Join(", ", description.Inputs.Select(input => input.Name))} once; the request has {request.Inputs.Count} inputs.", "inputs");
        }
        for (int i = 0; i < request.Inputs.Count; i++)
        {
            CheckTensor(request.Inputs[i], model, description);
        }
        if (request.Outputs.Count > 0)
        {
            CheckOutputs(request.Outputs, model, description);
        }
        if (request.Parameters.Count > 0)
        {
            CheckParameters(request.Parameters.Keys, model, parameters);
        }
        return description.MaxBatchSize == 0 ? 1 : Rows(request.Inputs, model, description.MaxBatchSize);
    }

    /// <returns>The outputs that were asked for, in that order; all when none was.</returns>
    public static IReadOnlyList<InferTensor> Select(IReadOnlyList<InferTensor> outputs, IReadOnlyList<string> wanted) =>
        wanted.Count == 0 ? outputs : Named(outputs, wanted);

    private static InferTensor[] Named(IReadOnlyList<InferTensor> outputs, IReadOnlyList<string> wanted) =>
        [.. wanted.Select(name => outputs.First(output => output.Name == name))];

    // As many as the model has, which are few.
    private static bool HasDuplicates(IReadOnlyList<InferTensor> inputs)
    {
        for (int i = 1; i < inputs.Count; i++)
        {
            for (int j = 0; j < i; j++)
            {
                if (inputs[i].Name == inputs[j].Name)
                {
                    return true;
                }
            }
        }
        return false;
    }

    private static void CheckTensor(InferTensor input, string model, ModelDescription description)
    {
        TensorMetadata known = Find(description.Inputs, input.Name)
            ?? throw JsonFields.Invalid($"unexpected inference input '{input.Name}' for model '{model}'.", "inputs");
        if (input.Datatype != known.Datatype)
        {
            throw JsonFields.Invalid($"input '{input.Name}': the model '{model}' takes {Datatypes.Name(known.Datatype)}, not {Datatypes.Name(input.Datatype)}.", "datatype");
        }
        if (!Fits(input.Shape, known.Shape, description.MaxBatchSize > 0 ? 1 : 0))
        {
            throw JsonFields.Invalid(
                $"input '{input.Name}': the model '{model}' takes the shape [{string.Join(',', description.WholeShape(known))}], not [{string.Join(',', input.Shape)}].", "shape");
        }
    }

    private static TensorMetadata? Find(IReadOnlyList<TensorMetadata> tensors, string name)
    {
        for (int i = 0; i < tensors.Count; i++)
        {
            if (tensors[i].Name == name)
            {
                return tensors[i];
            }
        }
        return null;
    }

    /// <param name="batchDimensions">Dimensions before the known ones; of any size here.</param>
    private static bool Fits(IReadOnlyList<long> shape, IReadOnlyList<long> known, int batchDimensions)
    {
        if (shape.Count != batchDimensions + known.Count)
        {
            return false;
        }
        for (int i = 0; i < known.Count; i++)
        {
            if (known[i] != -1 && known[i] != shape[batchDimensions + i])
            {
                return false;
            }
        }
        return true;
    }

    private static void CheckOutputs(IReadOnlyList<string> outputs, string model, ModelDescription description)
    {
        foreach (string output in outputs.Where(name => Find(description.Outputs, name) is null))
        {
            throw JsonFields.Invalid($"unexpected inference output '{output}' for model '{model}'.", "outputs");
        }
    }

    private static void CheckParameters(IEnumerable<string> names, string model, IReadOnlyList<string> known)
    {
        foreach (string name in names.Where(name => !known.Contains(name)))
        {
            throw JsonFields.Invalid($"the model '{model}' has no parameter '{name}'.", name);
        }
    }

    private static int Rows(IReadOnlyList<InferTensor> inputs, string model, int maxBatchSize)
    {
        long rows = inputs[0].Shape[0];
        for (int i = 1; i < inputs.Count; i++)
        {
            if (inputs[i].Shape[0] != rows)
            {
                throw JsonFields.Invalid("the inputs have batches of different sizes.", "shape");
            }
        }
        return rows >= 1 && rows <= maxBatchSize ? (int)rows
            : throw JsonFields.Invalid($"the batch must be of 1 to {maxBatchSize} rows for model '{model}', not {rows}.", "shape");
    }
}
