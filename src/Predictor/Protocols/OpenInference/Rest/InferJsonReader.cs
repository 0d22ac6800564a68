using System.Text;
using System.Text.Json;
using KServePaged.Engine.Contracts;

namespace KServePaged.Predictor.Protocols.OpenInference.Rest;

/// <summary>Reads the JSON form of an infer request. Whatever is wrong is named by its place in the body.</summary>
internal static class InferJsonReader
{
    // KServe's client always sends model_name; LiteLLM sends stream, which a unary call answers whole.
    private static readonly string[] KnownFields = ["id", "parameters", "inputs", "outputs", "model_name", "model_version", "stream"];

    private static readonly string[] InputFields = ["name", "shape", "datatype", "parameters", "data"];

    /// <exception cref="RequestException">The body is no infer request.</exception>
    public static InferRequest Read(JsonElement body)
    {
        JsonFields.RequireObject(body, "the request body");
        JsonFields.RefuseUnknown(body, KnownFields, "the request body");
        _ = JsonFields.Boolean(body, "stream");
        return new InferRequest
        {
            Id = JsonFields.Text(body, "id"),
            Parameters = JsonFields.Parameters(body, "parameters"),
            Inputs = [.. Items(body, "inputs", required: true).Select(ReadInput)],
            Outputs = [.. Items(body, "outputs", required: false).Select(ReadOutput)],
        };
    }

    private static InferTensor ReadInput(JsonElement input, int index)
    {
        string place = $"inputs[{index}]";
        JsonFields.RequireObject(input, place);
        JsonFields.RefuseUnknown(input, InputFields, place);
        string name = JsonFields.Text(input, "name") ?? throw JsonFields.Invalid($"{place}: 'name' is missing.", $"{place}.name");
        string type = JsonFields.Text(input, "datatype") ?? throw JsonFields.Invalid($"input '{name}': 'datatype' is missing.", $"{place}.datatype");
        Datatype datatype = Datatypes.Parse(type, name);
        long[] shape = ReadShape(input, name);
        RefuseParameters(input, name);
        if (!input.TryGetProperty("data", out JsonElement data) || data.ValueKind != JsonValueKind.Array)
        {
            throw JsonFields.Invalid($"input '{name}': 'data' must be an array.", $"{place}.data");
        }
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

    private static string ReadOutput(JsonElement output, int index)
    {
        string place = $"outputs[{index}]";
        JsonFields.RequireObject(output, place);
        JsonFields.RefuseUnknown(output, ["name", "parameters"], place);
        string name = JsonFields.Text(output, "name") ?? throw JsonFields.Invalid($"{place}: 'name' is missing.", $"{place}.name");
        foreach ((string key, JsonElement value) in JsonFields.Parameters(output, "parameters"))
        {
            if (key != "binary_data" || value.ValueKind != JsonValueKind.False)
            {
                throw JsonFields.Invalid($"output '{name}': parameter '{key}' is not supported.", $"{place}.parameters.{key}");
            }
        }
        return name;
    }

    private static void RefuseParameters(JsonElement input, string name)
    {
        foreach ((string key, _) in JsonFields.Parameters(input, "parameters"))
        {
            throw JsonFields.Invalid($"input '{name}': parameter '{key}' is not supported; send the data as JSON.", key);
        }
    }

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
