using System.Buffers;
using System.Text.Json;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenInference.Rest;

/// <summary>Writes answers in the JSON form of the protocol. Absent fields are left out.</summary>
internal static class InferJsonWriter
{
    private static readonly Dictionary<string, ReadOnlyMemory<byte>> NoRaw = [];

    /// <summary>A request in its JSON form, whatever form it came in.</summary>
    public static ReadOnlyMemory<byte> Encode(InferRequest request) => Encode(writer =>
    {
        writer.WriteStartObject();
        if (request.Id is { } id)
        {
            writer.WriteString("id", id);
        }
        if (request.Parameters.Count > 0)
        {
            writer.WriteStartObject("parameters");
            foreach ((string name, JsonElement value) in request.Parameters)
            {
                writer.WritePropertyName(name);
                value.WriteTo(writer);
            }
            writer.WriteEndObject();
        }
        WriteTensors(writer, "inputs", request.Inputs, NoRaw);
        if (request.Outputs.Count > 0)
        {
            writer.WriteStartArray("outputs");
            foreach (string name in request.Outputs)
            {
                writer.WriteStartObject();
                writer.WriteString("name", name);
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
        }
        writer.WriteEndObject();
    });

    /// <summary>An answer all in JSON.</summary>
    public static ReadOnlyMemory<byte> Encode(InferResponse response) => Encode(writer => Write(writer, response, NoRaw));

    /// <summary>The answers of a stream as one array.</summary>
    public static ReadOnlyMemory<byte> Encode(IReadOnlyList<InferResponse> responses) => Encode(writer =>
    {
        writer.WriteStartArray();
        foreach (InferResponse response in responses)
        {
            Write(writer, response, NoRaw);
        }
        writer.WriteEndArray();
    });

    /// <param name="raw">The tensors that travel behind the JSON, by name: of them only the size appears here.</param>
    public static void Write(Utf8JsonWriter writer, InferResponse response, IReadOnlyDictionary<string, ReadOnlyMemory<byte>> raw)
    {
        writer.WriteStartObject();
        writer.WriteString("model_name", response.ModelName);
        writer.WriteString("model_version", response.ModelVersion);
        writer.WriteString("id", response.Id);
        WriteTensors(writer, "outputs", response.Outputs, raw);
        writer.WriteEndObject();
    }

    public static void WriteMetadata(Utf8JsonWriter writer, string model, ModelDescription description)
    {
        writer.WriteStartObject();
        writer.WriteString("name", model);
        writer.WriteStartArray("versions");
        writer.WriteStringValue(TextModel.Version);
        writer.WriteEndArray();
        writer.WriteString("platform", description.Platform);
        WriteTensors(writer, "inputs", description, description.Inputs);
        WriteTensors(writer, "outputs", description, description.Outputs);
        writer.WriteEndObject();
    }

    private static ReadOnlyMemory<byte> Encode(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, JsonReply.Options))
        {
            write(writer);
        }
        return buffer.WrittenMemory;
    }

    private static void WriteTensors(Utf8JsonWriter writer, string field, IReadOnlyList<InferTensor> tensors, IReadOnlyDictionary<string, ReadOnlyMemory<byte>> raw)
    {
        writer.WriteStartArray(field);
        foreach (InferTensor tensor in tensors)
        {
            writer.WriteStartObject();
            writer.WriteString("name", tensor.Name);
            WriteShape(writer, tensor.Shape);
            writer.WriteString("datatype", Datatypes.Name(tensor.Datatype));
            WriteContents(writer, tensor, raw);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }

    private static void WriteContents(Utf8JsonWriter writer, InferTensor tensor, IReadOnlyDictionary<string, ReadOnlyMemory<byte>> raw)
    {
        if (raw.TryGetValue(tensor.Name, out ReadOnlyMemory<byte> bytes))
        {
            writer.WriteStartObject("parameters");
            writer.WriteNumber(BinaryInputs.SizeParameter, bytes.Length);
            writer.WriteEndObject();
            return;
        }
        writer.WritePropertyName("data");
        TensorJson.WriteData(writer, tensor);
    }

    private static void WriteTensors(Utf8JsonWriter writer, string field, ModelDescription description, IReadOnlyList<TensorMetadata> tensors)
    {
        writer.WriteStartArray(field);
        foreach (TensorMetadata tensor in tensors)
        {
            writer.WriteStartObject();
            writer.WriteString("name", tensor.Name);
            writer.WriteString("datatype", Datatypes.Name(tensor.Datatype));
            WriteShape(writer, description.WholeShape(tensor));
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }

    private static void WriteShape(Utf8JsonWriter writer, IReadOnlyList<long> shape)
    {
        writer.WriteStartArray("shape");
        foreach (long size in shape)
        {
            writer.WriteNumberValue(size);
        }
        writer.WriteEndArray();
    }
}
