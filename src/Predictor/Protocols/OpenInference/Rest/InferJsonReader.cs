using System.Text;
using System.Text.Json;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Generation;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenInference.Rest;

/// <summary>Reads the JSON of an infer request, whose tensors are in it or behind it. Whatever is wrong is named by its place in the body.</summary>
internal static class InferJsonReader
{
    // KServe's client always sends model_name; LiteLLM sends stream, which a unary call answers whole. Other fields pass unless they belong elsewhere.
    private static readonly string[] KnownFields = ["id", "parameters", "inputs", "outputs", "model_name", "model_version", "stream"];

    private const string BinaryOutput = "binary_data_output";

    private static readonly string[] InputFields = ["name", "shape", "datatype", "parameters", "data"];

    /// <param name="binary">What follows the JSON; null = the JSON is the whole body.</param>
    /// <exception cref="RequestException">The body is no infer request.</exception>
    public static RestInfer Read(JsonElement body, BinaryInputs? binary)
    {
        JsonFields.RequireObject(body, "the request body");
        RefuseMisplaced(body);
        _ = JsonFields.Boolean(body, "stream");
        IReadOnlyDictionary<string, JsonElement> parameters = JsonFields.Parameters(body, "parameters");
        bool binaryByDefault = parameters.TryGetValue(BinaryOutput, out JsonElement wanted) && Flag(wanted, $"parameters.{BinaryOutput}");
        List<(string Name, bool? Binary)> outputs = [.. Items(body, "outputs", required: false).Select(ReadOutput)];
        var request = new InferRequest
        {
            Id = JsonFields.Text(body, "id"),
            Parameters = parameters.Where(entry => entry.Key != BinaryOutput).ToDictionary(),
            Inputs = [.. Items(body, "inputs", required: true).Select((input, index) => ReadInput(input, index, binary))],
            Outputs = [.. outputs.Select(output => output.Name)],
        };
        Dictionary<string, bool> named = [];
        foreach ((string name, bool? form) in outputs)
        {
            if (form is bool given)
            {
                named[name] = given; // an output named twice is refused by the mapper
            }
        }
        return new RestInfer(request, new BinaryOutputs(binaryByDefault, named));
    }

    private static void RefuseMisplaced(JsonElement body)
    {
        foreach (JsonProperty field in body.EnumerateObject().Where(field => !KnownFields.Contains(field.Name)))
        {
            if (GenerationOptions.Names.Contains(ForeignParameters.Own(field.Name)))
            {
                throw JsonFields.Invalid($"'{field.Name}' belongs into 'parameters' or among the inputs, not beside them.", field.Name);
            }
            ForeignParameters.RequireUnlike(field.Name, KnownFields.Concat(GenerationOptions.Names));
        }
    }

    private static InferTensor ReadInput(JsonElement input, int index, BinaryInputs? binary)
    {
        string place = $"inputs[{index}]";
        JsonFields.RequireObject(input, place);
        JsonFields.RefuseUnknown(input, InputFields, place);
        string name = JsonFields.Text(input, "name") ?? throw JsonFields.Invalid($"{place}: 'name' is missing.", $"{place}.name");
        string type = JsonFields.Text(input, "datatype") ?? throw JsonFields.Invalid($"input '{name}': 'datatype' is missing.", $"{place}.datatype");
        Datatype datatype = Datatypes.Parse(type, name, anyCase: true);
        long[] shape = ReadShape(input, name);
        bool hasData = input.TryGetProperty("data", out JsonElement data) && data.ValueKind != JsonValueKind.Null;
        if (BinarySize(input, name) is JsonElement size)
        {
            return hasData
                ? throw JsonFields.Invalid($"input '{name}' has 'data' beside '{BinaryInputs.SizeParameter}'.", $"{place}.data")
                : RawTensors.Decode(name, datatype, shape, Part(binary, name).Take(name, size));
        }
        return hasData && data.ValueKind == JsonValueKind.Array
            ? FromData(data, name, datatype, shape)
            : throw JsonFields.Invalid($"input '{name}': 'data' must be an array.", $"{place}.data");
    }

    private static InferTensor FromData(JsonElement data, string name, Datatype datatype, long[] shape)
    {
        int count = TensorShape.Count(shape, name);
        List<JsonElement> elements = [];
        Flatten(data, shape, 0, name, elements);
        if (elements.Count != count)
        {
            throw JsonFields.Invalid($"input '{name}': 'data' has {elements.Count} elements, its shape asks for {count}.", "data");
        }
        return datatype == Datatype.Bytes
            ? InferTensor.OfStrings(name, shape, [.. elements.Select((element, i) => Bytes(element, name, i))])
            : InferTensor.OfRaw(name, datatype, shape, JsonElements.ToRaw(elements, datatype, name));
    }

    private static (string Name, bool? Binary) ReadOutput(JsonElement output, int index)
    {
        string place = $"outputs[{index}]";
        JsonFields.RequireObject(output, place);
        JsonFields.RefuseUnknown(output, ["name", "parameters"], place);
        string name = JsonFields.Text(output, "name") ?? throw JsonFields.Invalid($"{place}: 'name' is missing.", $"{place}.name");
        bool? binary = null;
        foreach ((string key, JsonElement value) in JsonFields.Parameters(output, "parameters"))
        {
            binary = key switch
            {
                "binary_data" => Flag(value, $"{place}.parameters.{key}"),
                // No classes: the tensor itself is wanted.
                "classification" when value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out long classes) && classes == 0 => binary,
                "classification" => throw JsonFields.Invalid($"output '{name}': 'classification' is asked for, and this model does not classify.", $"{place}.parameters.{key}"),
                _ => Open(new OptionValue(key, value), binary),
            };
        }
        return (name, binary);
    }

    private static bool Flag(JsonElement value, string place) => value.ValueKind is JsonValueKind.True or JsonValueKind.False
        ? value.GetBoolean()
        : throw JsonFields.Invalid($"'{place}' must be true or false.", place);

    private static JsonElement? BinarySize(JsonElement input, string name)
    {
        JsonElement? size = null;
        foreach ((string key, JsonElement value) in JsonFields.Parameters(input, "parameters"))
        {
            size = key == BinaryInputs.SizeParameter ? value : Open(new OptionValue(key, value), size);
        }
        return size;
    }

    // What else a tensor's parameters hold is between the client and others, but for the tensor's own whereabouts.
    private static T Open<T>(OptionValue parameter, T unchanged)
    {
        TensorParameters.RequireOpen(parameter);
        return unchanged;
    }

    private static BinaryInputs Part(BinaryInputs? binary, string name) => binary ?? throw JsonFields.Invalid(
        $"input '{name}': '{BinaryInputs.SizeParameter}' needs the header {RestBody.HeaderLength}, which the request does not have.", BinaryInputs.SizeParameter);

    private static long[] ReadShape(JsonElement input, string name)
    {
        if (!input.TryGetProperty("shape", out JsonElement shape) || shape.ValueKind != JsonValueKind.Array)
        {
            throw JsonFields.Invalid($"input '{name}': 'shape' must be an array of whole numbers.", "shape");
        }
        return [.. shape.EnumerateArray().Select(size =>
            size.ValueKind == JsonValueKind.Number && size.TryGetInt64(out long value)
                ? value
                : throw JsonFields.Invalid($"input '{name}': a size in 'shape' must be a whole number.", "shape"))];
    }

    // Data is one flat array, or nested exactly as the shape says; something between the two has no defined meaning.
    private static void Flatten(JsonElement array, long[] shape, int level, string name, List<JsonElement> elements)
    {
        bool nested = array.EnumerateArray().Any(item => item.ValueKind == JsonValueKind.Array);
        bool fits = nested
            ? level < shape.Length - 1 && array.GetArrayLength() == shape[level]
            : level == 0 || (level == shape.Length - 1 && array.GetArrayLength() == shape[level]);
        if (!fits)
        {
            throw JsonFields.Invalid($"input '{name}': 'data' is neither flat nor nested as its shape says.", "data");
        }
        foreach (JsonElement item in array.EnumerateArray())
        {
            if (!nested)
            {
                elements.Add(item);
            }
            else if (item.ValueKind == JsonValueKind.Array)
            {
                Flatten(item, shape, level + 1, name, elements);
            }
            else
            {
                throw JsonFields.Invalid($"input '{name}': 'data' mixes arrays and values.", "data");
            }
        }
    }

    private static ReadOnlyMemory<byte> Bytes(JsonElement element, string name, int index) =>
        element.ValueKind == JsonValueKind.String
            ? Encoding.UTF8.GetBytes(JsonFields.StringOf(element, name))
            : throw JsonFields.Invalid($"input '{name}': element {index} must be a string for datatype BYTES.", "data");

    private static List<JsonElement> Items(JsonElement body, string field, bool required)
    {
        if (!body.TryGetProperty(field, out JsonElement items) || items.ValueKind == JsonValueKind.Null)
        {
            return required ? throw JsonFields.Invalid($"'{field}' is missing.", field) : [];
        }
        return items.ValueKind == JsonValueKind.Array
            ? [.. items.EnumerateArray()]
            : throw JsonFields.Invalid($"'{field}' must be an array.", field);
    }
}
