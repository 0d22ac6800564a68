using System.Text.Json;

namespace KServePaged.Predictor.Protocols.OpenInference;

/// <summary>Elements of a tensor as JSON values.</summary>
internal static class TensorJson
{
    /// <summary>Writes the tensor's elements as one flat array.</summary>
    public static void WriteData(Utf8JsonWriter writer, InferTensor tensor)
    {
        writer.WriteStartArray();
        for (int i = 0; i < tensor.Count; i++)
        {
            WriteElement(writer, tensor, i);
        }
        writer.WriteEndArray();
    }

    /// <summary>NaN and the infinities have no JSON form and become null, as KServe's server writes them.</summary>
    public static void WriteElement(Utf8JsonWriter writer, InferTensor tensor, int index)
    {
        if (tensor.Datatype == Datatype.Bytes)
        {
            writer.WriteStringValue(tensor.Strings[index].Span);
        }
        else if (tensor.BoolAt(index) is bool flag)
        {
            writer.WriteBooleanValue(flag);
        }
        else if (tensor.IntegerAt(index) is long whole)
        {
            writer.WriteNumberValue(whole);
        }
        else if (tensor.Datatype == Datatype.Uint64)
        {
            writer.WriteNumberValue(BitConverter.ToUInt64(tensor.Raw.Span[(index * sizeof(ulong))..]));
        }
        else if (tensor.Datatype == Datatype.Fp32 && float.IsFinite((float)tensor.FloatAt(index)!.Value))
        {
            writer.WriteNumberValue((float)tensor.FloatAt(index)!.Value); // shortest form of the float, not of its double
        }
        else if (tensor.FloatAt(index) is double number && double.IsFinite(number))
        {
            writer.WriteNumberValue(number);
        }
        else
        {
            writer.WriteNullValue();
        }
    }
}
