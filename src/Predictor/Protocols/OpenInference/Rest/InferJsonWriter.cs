using System.Text.Json;

namespace KServePaged.Predictor.Protocols.OpenInference.Rest;

/// <summary>Writes answers in the JSON form of the protocol. Absent fields are left out.</summary>
internal static class InferJsonWriter
{
    /// <param name="raw">The tensors that travel behind the JSON, by name: of them only the size appears here.</param>
    public static void Write(Utf8JsonWriter writer, InferResponse response, IReadOnlyDictionary<string, ReadOnlyMemory<byte>> raw)
    {
        writer.WriteStartObject();
        writer.WriteString("model_name", response.ModelName);
        writer.WriteString("model_version", response.ModelVersion);
        writer.WriteString("id", response.Id);
        writer.WriteStartArray("outputs");
        foreach (InferTensor tensor in response.Outputs)
        {
            writer.WriteStartObject();
            writer.WriteString("name", tensor.Name);
            WriteShape(writer, tensor.Shape);
            writer.WriteString("datatype", Datatypes.Name(tensor.Datatype));
            WriteContents(writer, tensor, raw);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
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
