using System.Buffers.Binary;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenInference;

/// <summary>
/// The raw form of tensors, the same in gRPC's raw contents and in REST's binary extension: little-endian, row-major, no padding; an element
/// of BYTES is its length as uint32 and its bytes.
/// </summary>
internal static class RawTensors
{
    /// <param name="raw">Borrowed: the tensor refers to it.</param>
    /// <exception cref="RequestException">The bytes are not what shape and datatype promise.</exception>
    public static InferTensor Decode(string name, Datatype datatype, IReadOnlyList<long> shape, ReadOnlyMemory<byte> raw)
    {
        int count = TensorShape.Count(shape, name);
        if (datatype == Datatype.Bytes)
        {
            return InferTensor.OfStrings(name, shape, DecodeStrings(name, count, raw));
        }
        long expected = (long)count * Datatypes.Size(datatype);
        if (raw.Length != expected)
        {
            throw JsonFields.Invalid($"input '{name}': {raw.Length} bytes of data, its shape and datatype ask for {expected}.", "data");
        }
        return InferTensor.OfRaw(name, datatype, shape, raw);
    }

    /// <returns>The tensor's bytes; those of fixed size are not copied.</returns>
    public static ReadOnlyMemory<byte> Encode(InferTensor tensor)
    {
        if (tensor.Datatype != Datatype.Bytes)
        {
            return tensor.Raw;
        }
        byte[] raw = new byte[tensor.Strings.Sum(text => sizeof(uint) + text.Length)];
        int at = 0;
        foreach (ReadOnlyMemory<byte> text in tensor.Strings)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(raw.AsSpan(at), (uint)text.Length);
            text.Span.CopyTo(raw.AsSpan(at + sizeof(uint)));
            at += sizeof(uint) + text.Length;
        }
        return raw;
    }

    private static List<ReadOnlyMemory<byte>> DecodeStrings(string name, int count, ReadOnlyMemory<byte> raw)
    {
        // A lying shape must not size anything before the bytes have been seen: each element takes at least its length's four bytes.
        var strings = new List<ReadOnlyMemory<byte>>(Math.Min(count, raw.Length / sizeof(uint)));
        int at = 0;
        while (at < raw.Length)
        {
            if (raw.Length - at < sizeof(uint))
            {
                throw JsonFields.Invalid($"input '{name}': the data ends inside the length of element {strings.Count}.", "data");
            }
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(raw.Span[at..]);
            at += sizeof(uint);
            if (length > raw.Length - at)
            {
                throw JsonFields.Invalid($"input '{name}': element {strings.Count} claims {length} bytes, {raw.Length - at} are left.", "data");
            }
            strings.Add(raw.Slice(at, (int)length));
            at += (int)length;
        }
        return strings.Count == count
            ? strings
            : throw JsonFields.Invalid($"input '{name}': the data holds {strings.Count} elements, its shape asks for {count}.", "data");
    }
}
