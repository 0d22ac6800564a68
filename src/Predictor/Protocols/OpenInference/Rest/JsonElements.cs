using System.Buffers.Binary;
using System.Text.Json;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenInference.Rest;

/// <summary>JSON values to the raw form of a tensor, each checked against the range of its datatype.</summary>
internal static class JsonElements
{
    public static byte[] ToRaw(List<JsonElement> elements, Datatype datatype, string tensor)
    {
        if (datatype is Datatype.Fp16 or Datatype.Bf16)
        {
            throw JsonFields.Invalid($"input '{tensor}': {Datatypes.Name(datatype)} has no JSON form.", "datatype");
        }
        int size = Datatypes.Size(datatype);
        byte[] raw = new byte[elements.Count * size];
        for (int i = 0; i < elements.Count; i++)
        {
            if (!TryWrite(elements[i], datatype, raw.AsSpan(i * size)))
            {
                throw JsonFields.Invalid($"input '{tensor}': element {i} is not a {Datatypes.Name(datatype)} value.", "data");
            }
        }
        return raw;
    }

    private static bool TryWrite(JsonElement element, Datatype datatype, Span<byte> at)
    {
        if (datatype == Datatype.Bool)
        {
            at[0] = element.ValueKind == JsonValueKind.True ? (byte)1 : (byte)0;
            return element.ValueKind is JsonValueKind.True or JsonValueKind.False;
        }
        return element.ValueKind == JsonValueKind.Number && TryWriteNumber(element, datatype, at);
    }

    private static bool TryWriteNumber(JsonElement element, Datatype datatype, Span<byte> at)
    {
        switch (datatype)
        {
            case Datatype.Uint8:
                return element.TryGetByte(out at[0]);
            case Datatype.Int8:
                bool fits = element.TryGetSByte(out sbyte tiny);
                at[0] = (byte)tiny;
                return fits;
            case Datatype.Uint16:
                return element.TryGetUInt16(out ushort u16) && BinaryPrimitives.TryWriteUInt16LittleEndian(at, u16);
            case Datatype.Int16:
                return element.TryGetInt16(out short i16) && BinaryPrimitives.TryWriteInt16LittleEndian(at, i16);
            case Datatype.Uint32:
                return element.TryGetUInt32(out uint u32) && BinaryPrimitives.TryWriteUInt32LittleEndian(at, u32);
            case Datatype.Int32:
                return element.TryGetInt32(out int i32) && BinaryPrimitives.TryWriteInt32LittleEndian(at, i32);
            case Datatype.Uint64:
                return element.TryGetUInt64(out ulong u64) && BinaryPrimitives.TryWriteUInt64LittleEndian(at, u64);
            case Datatype.Int64:
                return element.TryGetInt64(out long i64) && BinaryPrimitives.TryWriteInt64LittleEndian(at, i64);
            case Datatype.Fp32:
                return element.TryGetSingle(out float single) && float.IsFinite(single) && BinaryPrimitives.TryWriteSingleLittleEndian(at, single);
            case Datatype.Fp64:
                return element.TryGetDouble(out double wide) && double.IsFinite(wide) && BinaryPrimitives.TryWriteDoubleLittleEndian(at, wide);
            default:
                throw new InvalidOperationException($"{datatype} is not written from JSON numbers.");
        }
    }
}
