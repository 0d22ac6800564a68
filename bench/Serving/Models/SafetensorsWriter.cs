using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace KServePaged.Serving.Models;

/// <summary>Writes a model's tensors in bf16 as one safetensors file: length of the header, JSON header, bytes.</summary>
internal static class SafetensorsWriter
{
    public static void Write(string path, IReadOnlyList<ModelTensor> tensors)
    {
        using FileStream file = File.Create(path);
        byte[] header = Header(tensors);
        Span<byte> length = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
        file.Write(length);
        file.Write(header);
        foreach (ModelTensor tensor in tensors)
        {
            RowWriter.Write(file, tensor.Rows, tensor.Columns * sizeof(ushort), (row, bytes) => tensor.Fill(row, MemoryMarshal.Cast<byte, ushort>(bytes.Span)));
        }
    }

    private static byte[] Header(IReadOnlyList<ModelTensor> tensors)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            long offset = 0;
            json.WriteStartObject();
            foreach (ModelTensor tensor in tensors)
            {
                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype", "BF16");
                json.WriteStartArray("shape");
                if (!tensor.IsVector)
                {
                    json.WriteNumberValue(tensor.Rows);
                }
                json.WriteNumberValue(tensor.Columns);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                json.WriteNumberValue(offset += tensor.Elements * sizeof(ushort));
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        string padding = new(' ', (int)(-buffer.Length & 7)); // tensors start at a multiple of 8
        buffer.Write(Encoding.ASCII.GetBytes(padding));
        return buffer.ToArray();
    }
}
