using System.Text.Json;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Generation;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenInference.Grpc;

/// <summary>Infer requests from protobuf to the shared form.</summary>
internal static class ProtoInfer
{
    private static readonly Dictionary<string, JsonElement> NoParameters = [];

    // REST's wish for raw answers, which KServe's client passes on over gRPC as well.
    private const string BinaryOutput = "binary_data_output";

    /// <summary>True: the answer must be raw. Raw inputs ask for it (Triton's client reads nothing else), and so does the parameter.</summary>
    public static bool IsRaw(WireInferRequest request) =>
        request.RawInputs.Count > 0 || (request.Parameters?.TryGetValue(BinaryOutput, out InferParameter? wanted) == true && wanted.BoolParam);

    /// <exception cref="RequestException">The message is not consistent in itself.</exception>
    public static InferRequest Read(WireInferRequest request)
    {
        bool raw = request.RawInputs.Count > 0;
        if (raw && request.RawInputs.Count != request.Inputs.Count)
        {
            throw JsonFields.Invalid(
                $"raw_input_contents has {request.RawInputs.Count} entries for {request.Inputs.Count} inputs.", "raw_input_contents");
        }
        var inputs = new InferTensor[request.Inputs.Count];
        for (int i = 0; i < inputs.Length; i++)
        {
            WireInferInput input = request.Inputs[i];
            CheckParameters(input);
            if (raw && input.Contents is not null)
            {
                throw JsonFields.Invalid($"input '{input.Name}' has contents beside raw_input_contents.", "contents");
            }
            inputs[i] = raw ? ProtoTensors.FromRaw(input.Name, input.Datatype, input.Shape, request.RawInputs[i]) : ProtoTensors.FromTyped(input.Name, input.Datatype, input.Shape, input.Contents ?? new InferTensorContents());
        }
        return new InferRequest
        {
            Id = request.Id.Length > 0 ? request.Id : null,
            Parameters = ReadParameters(request.Parameters),
            Inputs = inputs,
            Outputs = request.Outputs.Count == 0 ? [] : [.. request.Outputs.Select(ReadOutput)],
        };
    }

    private static string ReadOutput(ModelInferRequest.Types.InferRequestedOutputTensor output)
    {
        foreach ((string name, JsonElement value) in ReadParameters(output.Parameters).Where(entry => entry.Key is not ("binary_data" or "classification")))
        {
            TensorParameters.RequireOpen(new OptionValue(name, value));
        }
        return output.Parameters.TryGetValue("classification", out InferParameter? classes) && classes.Int64Param > 0
            ? throw JsonFields.Invalid($"output '{output.Name}': 'classification' is asked for, and this model does not classify.", "classification")
            : output.Name;
    }

    // KServe's client adds the size to raw inputs; the bytes themselves say it.
    private static void CheckParameters(WireInferInput input)
    {
        if (input.Parameters is null)
        {
            return;
        }
        foreach ((string name, JsonElement value) in ReadParameters(input.Parameters).Where(entry => entry.Key != "binary_data_size"))
        {
            TensorParameters.RequireOpen(new OptionValue(name, value));
        }
    }

    private static Dictionary<string, JsonElement> ReadParameters(IDictionary<string, InferParameter>? parameters)
    {
        if (parameters is null or { Count: 0 })
        {
            return NoParameters;
        }
        var read = new Dictionary<string, JsonElement>();
        foreach ((string name, InferParameter value) in parameters)
        {
            if (name == BinaryOutput && value.ParameterChoiceCase == InferParameter.ParameterChoiceOneofCase.BoolParam)
            {
                continue; // IsRaw has it
            }
            read[name] = value.ParameterChoiceCase switch
            {
                InferParameter.ParameterChoiceOneofCase.BoolParam => Element(writer => writer.WriteBooleanValue(value.BoolParam)),
                InferParameter.ParameterChoiceOneofCase.Int64Param => Element(writer => writer.WriteNumberValue(value.Int64Param)),
                InferParameter.ParameterChoiceOneofCase.Uint64Param => Element(writer => writer.WriteNumberValue(value.Uint64Param)),
                InferParameter.ParameterChoiceOneofCase.StringParam => Element(writer => writer.WriteStringValue(value.StringParam)),
                InferParameter.ParameterChoiceOneofCase.DoubleParam when double.IsFinite(value.DoubleParam) =>
                    Element(writer => writer.WriteNumberValue(value.DoubleParam)),
                _ => throw JsonFields.Invalid($"parameter '{name}' has no usable value.", name),
            };
        }
        return read;
    }

    private static JsonElement Element(Action<Utf8JsonWriter> write)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            write(writer);
        }
        using JsonDocument document = JsonDocument.Parse(buffer.ToArray());
        return document.RootElement.Clone();
    }
}
