using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;

namespace KServePaged.Gpu.Engine;

/// <summary>
/// A checkpoint of random weights in a folder, at the speed of memory: 16 GB are made on the machine that measures, not carried there. The weights
/// are cut from one block of random numbers, again and again from another place of it.
/// </summary>
internal static class SyntheticCheckpoint
{
    private const int BlockElements = 16 << 20;
    private const double Deviation = 0.02;
    private const ushort One = 0x3F80;

    public static void Write(ModelShape shape, string folder)
    {
        Directory.CreateDirectory(folder);
        WriteConfig(shape, Path.Combine(folder, "config.json"));
        (string Name, int Rows, int Columns)[] tensors = [.. shape.Tensors];
        byte[] header = Header(tensors);
        long start = sizeof(ulong) + header.Length;
        long length = start + tensors.Sum(tensor => (long)tensor.Rows * tensor.Columns * sizeof(ushort));
        using SafeFileHandle file = File.OpenHandle(Path.Combine(folder, "model.safetensors"), FileMode.Create, FileAccess.Write, preallocationSize: length);
        Span<byte> headerLength = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(headerLength, (ulong)header.Length);
        RandomAccess.Write(file, headerLength, 0);
        RandomAccess.Write(file, header, sizeof(ulong));
        WriteWeights(file, start, length);
        WriteNorms(file, start, tensors);
    }

    private static void WriteWeights(SafeFileHandle file, long start, long length)
    {
        ushort[] block = RandomBlock((int)Math.Min(BlockElements, (length - start) / sizeof(ushort) + 1));
        long pieceBytes = Math.Max(block.Length / 2, 1) * (long)sizeof(ushort);
        long pieces = (length - start + pieceBytes - 1) / pieceBytes;
        Parallel.For(0L, pieces, piece =>
        {
            int from = (int)(piece * 7919 % (block.Length - block.Length / 2));
            long at = start + piece * pieceBytes;
            RandomAccess.Write(file, MemoryMarshal.AsBytes(block.AsSpan(from))[..(int)Math.Min(pieceBytes, length - at)], at);
        });
    }

    private static void WriteNorms(SafeFileHandle file, long at, (string Name, int Rows, int Columns)[] tensors)
    {
        foreach ((_, int rows, int columns) in tensors)
        {
            if (rows == 1)
            {
                ushort[] ones = new ushort[columns];
                Array.Fill(ones, One);
                RandomAccess.Write(file, MemoryMarshal.AsBytes(ones.AsSpan()), at);
            }
            at += (long)rows * columns * sizeof(ushort);
        }
    }

    // The sum of four uniform numbers: near enough to the normal distribution.
    private static ushort[] RandomBlock(int elements)
    {
        ushort[] block = new ushort[elements];
        const int Part = 1 << 16;
        Parallel.For(0, (elements + Part - 1) / Part, part =>
        {
            var random = new Random(part);
            for (int i = part * Part; i < Math.Min((part + 1) * Part, elements); i++)
            {
                double sum = random.NextSingle() + random.NextSingle() + random.NextSingle() + random.NextSingle() - 2;
                block[i] = (ushort)(BitConverter.SingleToUInt32Bits((float)(sum * Deviation * 1.7320508075688772)) >> 16);
            }
        });
        return block;
    }

    private static byte[] Header((string Name, int Rows, int Columns)[] tensors)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            long offset = 0;
            json.WriteStartObject();
            foreach ((string name, int rows, int columns) in tensors)
            {
                json.WriteStartObject(name);
                json.WriteString("dtype", "BF16");
                json.WriteStartArray("shape");
                if (rows > 1)
                {
                    json.WriteNumberValue(rows);
                }
                json.WriteNumberValue(columns);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                json.WriteNumberValue(offset += (long)rows * columns * sizeof(ushort));
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        buffer.Write(Encoding.ASCII.GetBytes(new string(' ', (int)(-buffer.Length & 7)))); // tensors start at a multiple of 8
        return buffer.ToArray();
    }

    private static void WriteConfig(ModelShape shape, string path) => File.WriteAllText(path, $$"""
        {"architectures":["LlamaForCausalLM"],"model_type":"llama","torch_dtype":"bfloat16","hidden_act":"silu","hidden_size":{{shape.Hidden}},
         "intermediate_size":{{shape.Ffn}},"num_hidden_layers":{{shape.Layers}},"num_attention_heads":{{shape.Heads}},"num_key_value_heads":{{shape.KvHeads}},
         "head_dim":{{shape.HeadDim}},"vocab_size":{{shape.Vocab}},"max_position_embeddings":{{ModelShape.Context}},"rms_norm_eps":1e-5,"rope_theta":500000.0,
         "tie_word_embeddings":{{(shape.Tied ? "true" : "false")}},"attention_bias":false,"mlp_bias":false,"bos_token_id":1,"eos_token_id":2}
        """);
}
