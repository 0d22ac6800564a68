using System.Text;

namespace KServePaged.Serving.Models;

/// <summary>Writes a model as a GGUF file of version 3, for peers that read no safetensors: metadata, tensor table, aligned tensors.</summary>
internal sealed class GgufWriter : IDisposable
{
    private const int Alignment = 32;
    private const uint Version = 3;

    private readonly BinaryWriter _file;

    private GgufWriter(string path) => _file = new BinaryWriter(File.Create(path), Encoding.UTF8);

    private enum ValueType : uint
    {
        UInt32 = 4,
        Int32 = 5,
        Float32 = 6,
        Bool = 7,
        Text = 8,
        Array = 9,
    }

    /// <param name="path">The file.</param>
    /// <param name="shape">Sizes, for the metadata.</param>
    /// <param name="tensors">Weights, the same as <see cref="SafetensorsWriter"/> gets.</param>
    /// <param name="type">Of the matrices.</param>
    public static void Write(string path, ModelShape shape, IReadOnlyList<ModelTensor> tensors, GgufType type)
    {
        using var writer = new GgufWriter(path);
        writer.WriteHead(shape, tensors, type);
        writer.Align();
        foreach (ModelTensor tensor in tensors)
        {
            GgufType stored = tensor.IsVector ? GgufType.F32 : type;
            RowWriter.Write(writer._file.BaseStream, tensor.Rows, stored.RowBytes(tensor.Columns), (place, bytes) =>
            {
                ushort[] bits = new ushort[tensor.Columns];
                tensor.Fill(tensor.GgufRow(place), bits);
                stored.Encode(bits, bytes.Span);
            });
            writer.Align();
        }
    }

    public void Dispose() => _file.Dispose();

    private void WriteHead(ModelShape shape, IReadOnlyList<ModelTensor> tensors, GgufType type)
    {
        Action[] metadata = Metadata(shape, type);
        _file.Write("GGUF"u8);
        _file.Write(Version);
        _file.Write((ulong)tensors.Count);
        _file.Write((ulong)metadata.Length);
        foreach (Action write in metadata)
        {
            write();
        }
        ulong offset = 0;
        foreach (ModelTensor tensor in tensors)
        {
            GgufType stored = tensor.IsVector ? GgufType.F32 : type;
            ulong[] sizes = tensor.IsVector ? [(ulong)tensor.Columns] : [(ulong)tensor.Columns, (ulong)tensor.Rows]; // innermost first
            WriteText(tensor.GgufName);
            _file.Write((uint)sizes.Length);
            Array.ForEach(sizes, _file.Write);
            _file.Write(stored.TensorType);
            _file.Write(offset);
            offset += ((ulong)tensor.Rows * (ulong)stored.RowBytes(tensor.Columns) + Alignment - 1) / Alignment * Alignment;
        }
    }

    private Action[] Metadata(ModelShape shape, GgufType type)
    {
        BenchTokenizer tokenizer = BenchTokenizer.Create(shape.Vocab);
        return
        [
            () => WriteText("general.architecture", "llama"),
            () => WriteText("general.name", shape.Name),
            () => WriteNumber("general.file_type", type.FileType),
            () => WriteNumber("general.quantization_version", 2),
            () => WriteNumber("llama.vocab_size", shape.Vocab),
            () => WriteNumber("llama.context_length", ModelShape.Context),
            () => WriteNumber("llama.embedding_length", shape.Hidden),
            () => WriteNumber("llama.block_count", shape.Layers),
            () => WriteNumber("llama.feed_forward_length", shape.Ffn),
            () => WriteNumber("llama.attention.head_count", shape.Heads),
            () => WriteNumber("llama.attention.head_count_kv", shape.KvHeads),
            () => WriteNumber("llama.rope.dimension_count", shape.HeadDim),
            () => WriteReal("llama.attention.layer_norm_rms_epsilon", ModelShape.NormEpsilon),
            () => WriteReal("llama.rope.freq_base", ModelShape.RopeTheta),
            () => WriteText("tokenizer.ggml.model", "gpt2"),
            () => WriteText("tokenizer.ggml.pre", "gpt-2"),
            () => WriteTexts("tokenizer.ggml.tokens", tokenizer.Tokens),
            () => WriteNumbers("tokenizer.ggml.token_type", tokenizer.Tokens.Select((_, id) => id < BenchTokenizer.Specials ? 3 : 1)),
            () => WriteTexts("tokenizer.ggml.merges", tokenizer.Merges.Select(merge => $"{merge.Left} {merge.Right}")),
            () => WriteNumber("tokenizer.ggml.bos_token_id", BenchTokenizer.Begin),
            () => WriteNumber("tokenizer.ggml.eos_token_id", BenchTokenizer.End),
            () => WriteNumber("tokenizer.ggml.unknown_token_id", BenchTokenizer.Unknown),
            () => WriteSwitch("tokenizer.ggml.add_bos_token", true),
        ];
    }

    private void Align() => _file.Write(new byte[(int)(-_file.BaseStream.Position & (Alignment - 1))]);

    private void WriteText(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        _file.Write((ulong)bytes.Length);
        _file.Write(bytes);
    }

    private void WriteKey(string key, ValueType type)
    {
        WriteText(key);
        _file.Write((uint)type);
    }

    private void WriteText(string key, string value)
    {
        WriteKey(key, ValueType.Text);
        WriteText(value);
    }

    private void WriteNumber(string key, long value)
    {
        WriteKey(key, ValueType.UInt32);
        _file.Write(checked((uint)value));
    }

    private void WriteReal(string key, double value)
    {
        WriteKey(key, ValueType.Float32);
        _file.Write((float)value);
    }

    private void WriteSwitch(string key, bool value)
    {
        WriteKey(key, ValueType.Bool);
        _file.Write(value);
    }

    private void WriteTexts(string key, IEnumerable<string> values)
    {
        string[] texts = [.. values];
        WriteKey(key, ValueType.Array);
        _file.Write((uint)ValueType.Text);
        _file.Write((ulong)texts.Length);
        Array.ForEach(texts, WriteText);
    }

    private void WriteNumbers(string key, IEnumerable<int> values)
    {
        int[] numbers = [.. values];
        WriteKey(key, ValueType.Array);
        _file.Write((uint)ValueType.Int32);
        _file.Write((ulong)numbers.Length);
        Array.ForEach(numbers, _file.Write);
    }
}
