using System.Buffers.Binary;
using Google.Protobuf;
using Google.Protobuf.Collections;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenInference.Grpc;

/// <summary>Tensors between their protobuf forms (raw or typed contents) and <see cref="InferTensor"/>.</summary>
internal static class ProtoTensors
{
    /// <exception cref="RequestException">Shape, datatype and contents do not agree.</exception>
    public static InferTensor FromTyped(string name, string type, IReadOnlyList<long> shape, InferTensorContents contents)
    {
        Datatype datatype = Datatypes.Parse(type, name);
        int count = TensorShape.Count(shape, name);
        RefuseOthers(contents, datatype, name);
        if (datatype == Datatype.Bytes)
        {
            Require(contents.BytesContents.Count, count, name);
            return InferTensor.OfStrings(name, shape, [.. contents.BytesContents.Select(bytes => bytes.Memory)]);
        }
        return InferTensor.OfRaw(name, datatype, shape, Pack(contents, datatype, count, name));
    }

    /// <exception cref="RequestException">Shape, datatype and bytes do not agree.</exception>
    public static InferTensor FromRaw(string name, string datatype, IReadOnlyList<long> shape, ReadOnlyMemory<byte> raw) =>
        RawTensors.Decode(name, Datatypes.Parse(datatype, name), shape, raw);

    public static InferTensorContents ToTyped(InferTensor tensor)
    {
        var contents = new InferTensorContents();
        for (int i = 0; i < tensor.Count; i++)
        {
            switch (tensor.Datatype)
            {
                case Datatype.Bytes:
                    contents.BytesContents.Add(ByteString.CopyFrom(tensor.Strings[i].Span));
                    break;
                case Datatype.Bool:
                    contents.BoolContents.Add(tensor.BoolAt(i)!.Value);
                    break;
                case Datatype.Int8 or Datatype.Int16 or Datatype.Int32:
                    contents.IntContents.Add((int)tensor.IntegerAt(i)!.Value);
                    break;
                case Datatype.Uint8 or Datatype.Uint16 or Datatype.Uint32:
                    contents.UintContents.Add((uint)tensor.IntegerAt(i)!.Value);
                    break;
                case Datatype.Int64:
                    contents.Int64Contents.Add(tensor.IntegerAt(i)!.Value);
                    break;
                case Datatype.Uint64:
                    contents.Uint64Contents.Add(BinaryPrimitives.ReadUInt64LittleEndian(tensor.Raw.Span[(i * sizeof(ulong))..]));
                    break;
                case Datatype.Fp32:
                    contents.Fp32Contents.Add((float)tensor.FloatAt(i)!.Value);
                    break;
                case Datatype.Fp64:
                    contents.Fp64Contents.Add(tensor.FloatAt(i)!.Value);
                    break;
                default:
                    throw new InvalidOperationException($"{tensor.Datatype} has no typed contents.");
            }
        }
        return contents;
    }

    private static byte[] Pack(InferTensorContents contents, Datatype datatype, int count, string name)
    {
        switch (datatype)
        {
            case Datatype.Bool:
                return [.. Checked(contents.BoolContents, count, name).Select(flag => flag ? (byte)1 : (byte)0)];
            case Datatype.Int8:
                return PackEach(contents.IntContents, count, name, sizeof(sbyte), (at, value) => at[0] = (byte)Narrow<int, sbyte>(value, name));
            case Datatype.Int16:
                return PackEach(contents.IntContents, count, name, sizeof(short), (at, value) => BinaryPrimitives.WriteInt16LittleEndian(at, Narrow<int, short>(value, name)));
            case Datatype.Int32:
                return PackEach(contents.IntContents, count, name, sizeof(int), BinaryPrimitives.WriteInt32LittleEndian);
            case Datatype.Int64:
                return PackEach(contents.Int64Contents, count, name, sizeof(long), BinaryPrimitives.WriteInt64LittleEndian);
            case Datatype.Uint8:
                return PackEach(contents.UintContents, count, name, sizeof(byte), (at, value) => at[0] = Narrow<uint, byte>(value, name));
            case Datatype.Uint16:
                return PackEach(contents.UintContents, count, name, sizeof(ushort), (at, value) => BinaryPrimitives.WriteUInt16LittleEndian(at, Narrow<uint, ushort>(value, name)));
            case Datatype.Uint32:
                return PackEach(contents.UintContents, count, name, sizeof(uint), BinaryPrimitives.WriteUInt32LittleEndian);
            case Datatype.Uint64:
                return PackEach(contents.Uint64Contents, count, name, sizeof(ulong), BinaryPrimitives.WriteUInt64LittleEndian);
            case Datatype.Fp32:
                return PackEach(contents.Fp32Contents, count, name, sizeof(float), BinaryPrimitives.WriteSingleLittleEndian);
            case Datatype.Fp64:
                return PackEach(contents.Fp64Contents, count, name, sizeof(double), BinaryPrimitives.WriteDoubleLittleEndian);
            default:
                throw JsonFields.Invalid($"input '{name}': {Datatypes.Name(datatype)} travels only in raw_input_contents.", "contents");
        }
    }

    private delegate void ElementWriter<T>(Span<byte> at, T value);

    private static byte[] PackEach<T>(RepeatedField<T> values, int count, string name, int size, ElementWriter<T> write)
    {
        Checked(values, count, name);
        byte[] raw = new byte[count * size];
        for (int i = 0; i < count; i++)
        {
            write(raw.AsSpan(i * size), values[i]);
        }
        return raw;
    }

    private static TTo Narrow<TFrom, TTo>(TFrom value, string name)
        where TFrom : System.Numerics.INumber<TFrom>
        where TTo : System.Numerics.INumber<TTo>, System.Numerics.IMinMaxValue<TTo> =>
        value >= TFrom.CreateChecked(TTo.MinValue) && value <= TFrom.CreateChecked(TTo.MaxValue)
            ? TTo.CreateChecked(value)
            : throw JsonFields.Invalid($"input '{name}': the value {value} leaves the range of its datatype.", "contents");

    private static RepeatedField<T> Checked<T>(RepeatedField<T> values, int count, string name)
    {
        Require(values.Count, count, name);
        return values;
    }

    private static void Require(int actual, int expected, string name)
    {
        if (actual != expected)
        {
            throw JsonFields.Invalid($"input '{name}': contents have {actual} elements, its shape asks for {expected}.", "contents");
        }
    }

    private static void RefuseOthers(InferTensorContents contents, Datatype datatype, string name)
    {
        (string Field, int Count, bool Belongs)[] fields =
        [
            ("bool_contents", contents.BoolContents.Count, datatype is Datatype.Bool),
            ("int_contents", contents.IntContents.Count, datatype is Datatype.Int8 or Datatype.Int16 or Datatype.Int32),
            ("int64_contents", contents.Int64Contents.Count, datatype is Datatype.Int64),
            ("uint_contents", contents.UintContents.Count, datatype is Datatype.Uint8 or Datatype.Uint16 or Datatype.Uint32),
            ("uint64_contents", contents.Uint64Contents.Count, datatype is Datatype.Uint64),
            ("fp32_contents", contents.Fp32Contents.Count, datatype is Datatype.Fp32),
            ("fp64_contents", contents.Fp64Contents.Count, datatype is Datatype.Fp64),
            ("bytes_contents", contents.BytesContents.Count, datatype is Datatype.Bytes),
        ];
        foreach ((string field, int count, bool belongs) in fields)
        {
            if (count > 0 && !belongs)
            {
                throw JsonFields.Invalid($"input '{name}': {field} does not hold {Datatypes.Name(datatype)}.", field);
            }
        }
    }
}
