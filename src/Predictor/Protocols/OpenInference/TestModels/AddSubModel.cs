using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenInference.TestModels;

/// <summary>OUTPUT0 = INPUT0 + INPUT1 and OUTPUT1 = INPUT0 - INPUT1, over rows of 16 whole numbers. Those of BYTES are decimal texts.</summary>
internal sealed class AddSubModel(string name, Datatype datatype, TimeProvider clock) : ImmediateModel(name, Describe(datatype), clock)
{
    protected override IReadOnlyList<InferTensor> Compute(InferRequest request)
    {
        (InferTensor left, InferTensor right) = request.Inputs[0].Name == "INPUT0" ? (request.Inputs[0], request.Inputs[1]) : (request.Inputs[1], request.Inputs[0]);
        return [Combine("OUTPUT0", left, right, sign: 1), Combine("OUTPUT1", left, right, sign: -1)];
    }

    private static ModelDescription Describe(Datatype datatype) => new(
        "kservepaged", 8, [new("INPUT0", datatype, [16]), new("INPUT1", datatype, [16])], [new("OUTPUT0", datatype, [16]), new("OUTPUT1", datatype, [16])], IsDecoupled: false);

    // left + sign × right, without a check for overflow.
    private static InferTensor Combine(string name, InferTensor left, InferTensor right, int sign) => left.Datatype switch
    {
        Datatype.Int32 => InferTensor.OfRaw(name, Datatype.Int32, left.Shape, CombineInt32(left.Raw.Span, right.Raw.Span, sign)),
        Datatype.Int8 => InferTensor.OfRaw(name, Datatype.Int8, left.Shape, CombineInt8(left.Raw.Span, right.Raw.Span, sign)),
        _ => InferTensor.OfStrings(name, left.Shape, [.. Enumerable.Range(0, left.Count).Select(i => Text(unchecked(ValueAt(left, i) + (sign * ValueAt(right, i)))))]),
    };

    private static byte[] CombineInt32(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, int sign)
    {
        byte[] raw = new byte[left.Length];
        for (int at = 0; at < raw.Length; at += sizeof(int))
        {
            int value = unchecked(BinaryPrimitives.ReadInt32LittleEndian(left[at..]) + (sign * BinaryPrimitives.ReadInt32LittleEndian(right[at..])));
            BinaryPrimitives.WriteInt32LittleEndian(raw.AsSpan(at), value);
        }
        return raw;
    }

    private static byte[] CombineInt8(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, int sign)
    {
        byte[] raw = new byte[left.Length];
        for (int i = 0; i < raw.Length; i++)
        {
            raw[i] = unchecked((byte)(left[i] + (sign * right[i])));
        }
        return raw;
    }

    private static ReadOnlyMemory<byte> Text(int value) => Encoding.ASCII.GetBytes(value.ToString(CultureInfo.InvariantCulture));

    private static int ValueAt(InferTensor tensor, int index) =>
        int.TryParse(tensor.Strings[index].Span, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int parsed) ? parsed
        : throw JsonFields.Invalid($"input '{tensor.Name}': element {index} is no decimal number of 32 bits.", "data");
}
