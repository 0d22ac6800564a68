using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using KServePaged.Serving.Models;

namespace KServePaged.Bench.Tests.Serving.Models;

public sealed class BenchModelTests : IDisposable
{
    private static readonly ModelShape Tiny = new("tiny", Hidden: 64, Layers: 2, Heads: 4, KvHeads: 2, Ffn: 96, Vocab: 1100);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("kp-bench-model");

    private BenchModel Model => new(Tiny, _directory.FullName);

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public void Gguf_InBf16_HoldsTheBitsOfTheCheckpoint()
    {
        var checkpoint = ReadCheckpoint();
        GgufReader gguf = GgufReader.Read(Model.BuildGguf(GgufType.Bf16), BytesOf);
        Assert.Equal(checkpoint.Count, gguf.Tensors.Count);
        foreach (ModelTensor tensor in ModelTensor.Of(Tiny))
        {
            (ulong[] shape, ushort[] bits) = checkpoint[tensor.Name];
            (uint type, ulong[] sizes, byte[] bytes) = gguf.Tensors[tensor.GgufName];
            Assert.Equal(shape.Reverse(), sizes);
            if (shape.Length == 1)
            {
                Assert.Equal(0u, type);
                Assert.Equal(bits.Select(Widen), MemoryMarshal.Cast<byte, float>(bytes).ToArray());
                continue;
            }
            Assert.Equal(30u, type);
            Assert.Equal(InGgufOrder(tensor.Name, bits, (int)shape[1]), MemoryMarshal.Cast<byte, ushort>(bytes).ToArray());
        }
    }

    [Theory]
    [InlineData("q8_0", 8u, 34, 1 / 254.0)]
    [InlineData("q4_0", 2u, 18, 1 / 8.0)]
    public void Gguf_Quantized_IsNearTheCheckpoint(string name, uint expectedType, int blockBytes, double worst)
    {
        var checkpoint = ReadCheckpoint();
        GgufReader gguf = GgufReader.Read(Model.BuildGguf(GgufType.All.Single(type => type.Name == name)), BytesOf);
        foreach (ModelTensor tensor in ModelTensor.Of(Tiny).Where(tensor => !tensor.IsVector))
        {
            (uint type, _, byte[] bytes) = gguf.Tensors[tensor.GgufName];
            Assert.Equal(expectedType, type);
            float[] expected = [.. InGgufOrder(tensor.Name, checkpoint[tensor.Name].Bits, tensor.Columns).Select(Widen)];
            for (int block = 0; block < expected.Length / 32; block++)
            {
                float[] values = expected[(block * 32)..(block * 32 + 32)];
                float[] stored = Dequantize(bytes.AsSpan(block * blockBytes, blockBytes));
                double bound = values.Max(Math.Abs) * (worst + 1e-3); // half a step, and the scale's rounding; q4_0 clips one side by a whole step
                Assert.All(values.Zip(stored), pair => Assert.InRange(pair.Second - pair.First, -bound, bound));
            }
        }
    }

    [Fact]
    public void Gguf_DescribesTheModel()
    {
        var metadata = GgufReader.Read(Model.BuildGguf(GgufType.Bf16), BytesOf).Metadata;
        Assert.Equal("llama", metadata["general.architecture"]);
        Assert.Equal(64u, metadata["llama.embedding_length"]);
        Assert.Equal(2u, metadata["llama.attention.head_count_kv"]);
        Assert.Equal(16u, metadata["llama.rope.dimension_count"]);
        object[] tokens = Assert.IsType<object[]>(metadata["tokenizer.ggml.tokens"]);
        Assert.Equal(1100, tokens.Distinct().Count());
        string[] merges = [.. Assert.IsType<object[]>(metadata["tokenizer.ggml.merges"]).Cast<string>()];
        Assert.Equal(tokens.Skip(3 + 256), merges.Select(merge => merge.Replace(" ", "", StringComparison.Ordinal)));
    }

    [Fact]
    public void Weights_AreSpreadAsAsked()
    {
        double[] values = [.. ReadCheckpoint()["lm_head.weight"].Bits.Select(bits => (double)Widen(bits))];
        double mean = values.Average();
        Assert.InRange(mean, -0.0005, 0.0005);
        Assert.InRange(Math.Sqrt(values.Average(value => value * value) - mean * mean), 0.0198, 0.0202);
    }

    [Fact]
    public void Build_WhenInterrupted_WritesAnew()
    {
        string path = Path.Combine(_directory.FullName, "model-bf16.gguf");
        File.WriteAllText(path, "half a file");
        Assert.Equal(path, Model.BuildGguf(GgufType.Bf16));
        DateTime written = File.GetLastWriteTimeUtc(path);
        Assert.True(new FileInfo(path).Length > 100_000);
        Model.BuildGguf(GgufType.Bf16);
        Assert.Equal(written, File.GetLastWriteTimeUtc(path));
    }

    private Dictionary<string, (ulong[] Shape, ushort[] Bits)> ReadCheckpoint()
    {
        byte[] file = File.ReadAllBytes(Path.Combine(Model.BuildCheckpoint(), "model.safetensors"));
        int header = (int)BinaryPrimitives.ReadUInt64LittleEndian(file);
        using JsonDocument document = JsonDocument.Parse(file.AsMemory(8, header));
        return document.RootElement.EnumerateObject().ToDictionary(tensor => tensor.Name, tensor =>
        {
            Assert.Equal("BF16", tensor.Value.GetProperty("dtype").GetString());
            int[] offsets = [.. tensor.Value.GetProperty("data_offsets").EnumerateArray().Select(offset => 8 + header + offset.GetInt32())];
            ulong[] shape = [.. tensor.Value.GetProperty("shape").EnumerateArray().Select(size => size.GetUInt64())];
            return (shape, MemoryMarshal.Cast<byte, ushort>(file.AsSpan(offsets[0], offsets[1] - offsets[0])).ToArray());
        });
    }

    // Queries and keys: row (head, half, j) of the checkpoint is row (head, j, half) of the GGUF file.
    private static ushort[] InGgufOrder(string name, ushort[] bits, int columns)
    {
        if (!name.EndsWith("q_proj.weight", StringComparison.Ordinal) && !name.EndsWith("k_proj.weight", StringComparison.Ordinal))
        {
            return bits;
        }
        ushort[] ordered = new ushort[bits.Length];
        int headDim = Tiny.HeadDim;
        for (int row = 0; row < bits.Length / columns; row++)
        {
            (int head, int half, int j) = (row / headDim, row % headDim / (headDim / 2), row % (headDim / 2));
            bits.AsSpan(row * columns, columns).CopyTo(ordered.AsSpan((head * headDim + 2 * j + half) * columns));
        }
        return ordered;
    }

    private static float[] Dequantize(ReadOnlySpan<byte> block)
    {
        float scale = (float)BinaryPrimitives.ReadHalfLittleEndian(block);
        byte[] codes = block[2..].ToArray();
        return codes.Length == 32
            ? [.. codes.Select(code => scale * (sbyte)code)]
            : [.. codes.Select(code => scale * ((code & 15) - 8)), .. codes.Select(code => scale * ((code >> 4) - 8))];
    }

    private static long BytesOf(uint type, long elements) => type switch { 0 => 4 * elements, 30 => 2 * elements, 8 => elements / 32 * 34, 2 => elements / 32 * 18, _ => throw new InvalidDataException($"type {type}") };

    private static float Widen(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);
}
