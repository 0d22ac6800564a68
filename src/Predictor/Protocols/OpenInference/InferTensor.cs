using System.Buffers.Binary;
using System.Text;

namespace KServePaged.Predictor.Protocols.OpenInference;

/// <summary>
/// A named tensor, whatever form it had on the wire. Elements of fixed size are little-endian and row-major in <see cref="Raw"/>;
/// elements of BYTES are in <see cref="Strings"/>. The count always equals the product of <see cref="Shape"/>.
/// </summary>
internal sealed class InferTensor
{
    private InferTensor(string name, Datatype datatype, IReadOnlyList<long> shape, ReadOnlyMemory<byte> raw, IReadOnlyList<ReadOnlyMemory<byte>> strings)
    {
        Name = name;
        Datatype = datatype;
        Shape = shape;
        Raw = raw;
        Strings = strings;
    }

    public string Name { get; }

    public Datatype Datatype { get; }

    public IReadOnlyList<long> Shape { get; }

    public ReadOnlyMemory<byte> Raw { get; }

    public IReadOnlyList<ReadOnlyMemory<byte>> Strings { get; }

    public int Count => Datatype == Datatype.Bytes ? Strings.Count : Raw.Length / Datatypes.Size(Datatype);

    public static InferTensor OfRaw(string name, Datatype datatype, IReadOnlyList<long> shape, ReadOnlyMemory<byte> raw) =>
        new(name, datatype, shape, raw, []);

    public static InferTensor OfStrings(string name, IReadOnlyList<long> shape, IReadOnlyList<ReadOnlyMemory<byte>> strings) =>
        new(name, Datatype.Bytes, shape, ReadOnlyMemory<byte>.Empty, strings);

    public static InferTensor OfTexts(string name, IReadOnlyList<string> texts) =>
        OfStrings(name, [texts.Count], [.. texts.Select(text => new ReadOnlyMemory<byte>(Encoding.UTF8.GetBytes(text)))]);

    public static InferTensor OfInt32(string name, IReadOnlyList<long> shape, ReadOnlySpan<int> values)
    {
        byte[] raw = new byte[values.Length * sizeof(int)];
        for (int i = 0; i < values.Length; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(raw.AsSpan(i * sizeof(int)), values[i]);
        }
        return OfRaw(name, Datatype.Int32, shape, raw);
    }

    public static InferTensor OfUint32(string name, IReadOnlyList<uint> values)
    {
        byte[] raw = new byte[values.Count * sizeof(uint)];
        for (int i = 0; i < values.Count; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(raw.AsSpan(i * sizeof(uint)), values[i]);
        }
        return OfRaw(name, Datatype.Uint32, [values.Count], raw);
    }

    public static InferTensor OfFloat32(string name, IReadOnlyList<float> values)
    {
        byte[] raw = new byte[values.Count * sizeof(float)];
        for (int i = 0; i < values.Count; i++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(raw.AsSpan(i * sizeof(float)), values[i]);
        }
        return OfRaw(name, Datatype.Fp32, [values.Count], raw);
    }

    /// <returns>The element as a whole number, or null where the datatype holds no whole numbers or the value leaves the range of long.</returns>
    public long? IntegerAt(int index)
    {
        ReadOnlySpan<byte> at = Datatype == Datatype.Bytes ? default : Raw.Span[(index * Datatypes.Size(Datatype))..];
        return Datatype switch
        {
            Datatype.Uint8 => at[0],
            Datatype.Int8 => (sbyte)at[0],
            Datatype.Uint16 => BinaryPrimitives.ReadUInt16LittleEndian(at),
            Datatype.Int16 => BinaryPrimitives.ReadInt16LittleEndian(at),
            Datatype.Uint32 => BinaryPrimitives.ReadUInt32LittleEndian(at),
            Datatype.Int32 => BinaryPrimitives.ReadInt32LittleEndian(at),
            Datatype.Int64 => BinaryPrimitives.ReadInt64LittleEndian(at),
            Datatype.Uint64 => BinaryPrimitives.ReadUInt64LittleEndian(at) is var wide and <= long.MaxValue ? (long)wide : null,
            _ => null,
        };
    }

    /// <returns>The element as a floating-point number, or null where the datatype holds none.</returns>
    public double? FloatAt(int index)
    {
        ReadOnlySpan<byte> at = Datatype == Datatype.Bytes ? default : Raw.Span[(index * Datatypes.Size(Datatype))..];
        return Datatype switch
        {
            Datatype.Fp64 => BinaryPrimitives.ReadDoubleLittleEndian(at),
            Datatype.Fp32 => BinaryPrimitives.ReadSingleLittleEndian(at),
            Datatype.Fp16 => (double)BinaryPrimitives.ReadHalfLittleEndian(at),
            Datatype.Bf16 => BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(at) << 16),
            _ => null,
        };
    }

    public bool? BoolAt(int index) => Datatype == Datatype.Bool ? Raw.Span[index] != 0 : null;
}
