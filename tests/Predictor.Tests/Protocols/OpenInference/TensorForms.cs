using System.Text;
using System.Text.Json;
using Google.Protobuf;
using KServePaged.Predictor.Protocols.OpenInference;
using KServePaged.Predictor.Protocols.OpenInference.Grpc;

namespace KServePaged.Predictor.Tests.Protocols.OpenInference;

/// <summary>Random tensors, and requests that hold them in each form the protocol has.</summary>
internal static class TensorForms
{
    public static IReadOnlyList<InferTensor> Random(Random random, bool withJsonForm) =>
        [.. Enumerable.Range(0, random.Next(0, 5)).Select(i => RandomTensor(random, $"t{i}", withJsonForm))];

    public static byte[] Json(IReadOnlyList<InferTensor> tensors) => Encode(tensors, _ => false).Json;

    /// <summary>The body of the binary extension, and the length of its header.</summary>
    public static (byte[] Body, int HeaderLength) Binary(IReadOnlyList<InferTensor> tensors, Func<InferTensor, bool> isBinary)
    {
        (byte[] json, byte[] raw) = Encode(tensors, isBinary);
        return ([.. json, .. raw], json.Length);
    }

    public static WireInferRequest Proto(IReadOnlyList<InferTensor> tensors, bool raw)
    {
        var request = new ModelInferRequest();
        foreach (InferTensor tensor in tensors)
        {
            var input = new ModelInferRequest.Types.InferInputTensor { Name = tensor.Name, Datatype = Datatypes.Name(tensor.Datatype), Shape = { tensor.Shape } };
            request.Inputs.Add(input);
            if (raw)
            {
                request.RawInputContents.Add(ByteString.CopyFrom(RawTensors.Encode(tensor).Span));
            }
            else
            {
                input.Contents = ProtoTensors.ToTyped(tensor);
            }
        }
        return WireForms.AssertSame(request, WireInferRequest.Parse(new(request.ToByteArray())));
    }

    public static void AssertSame(IReadOnlyList<InferTensor> expected, IReadOnlyList<InferTensor> actual, string form)
    {
        Assert.Equal(expected.Select(Show), actual.Select(Show));
        Assert.True(expected.Count == actual.Count, form);
    }

    private static string Show(InferTensor tensor) =>
        $"{tensor.Name} {tensor.Datatype} [{string.Join(',', tensor.Shape)}] {Convert.ToHexString(RawTensors.Encode(tensor).Span)}";

    private static (byte[] Json, byte[] Raw) Encode(IReadOnlyList<InferTensor> tensors, Func<InferTensor, bool> isBinary)
    {
        using var json = new MemoryStream();
        using var raw = new MemoryStream();
        using (var writer = new Utf8JsonWriter(json))
        {
            writer.WriteStartObject();
            writer.WriteStartArray("inputs");
            foreach (InferTensor tensor in tensors)
            {
                writer.WriteStartObject();
                writer.WriteString("name", tensor.Name);
                writer.WriteString("datatype", Datatypes.Name(tensor.Datatype));
                writer.WritePropertyName("shape");
                writer.WriteRawValue($"[{string.Join(',', tensor.Shape)}]");
                if (isBinary(tensor))
                {
                    ReadOnlyMemory<byte> bytes = RawTensors.Encode(tensor);
                    writer.WritePropertyName("parameters");
                    writer.WriteRawValue($$"""{"binary_data_size":{{bytes.Length}}}""");
                    raw.Write(bytes.Span);
                }
                else
                {
                    writer.WritePropertyName("data");
                    TensorJson.WriteData(writer, tensor);
                }
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
            writer.WriteEndObject();
        }
        return (json.ToArray(), raw.ToArray());
    }

    private static InferTensor RandomTensor(Random random, string name, bool withJsonForm)
    {
        long[] shape = [.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => (long)random.Next(0, 4))];
        int count = (int)shape.Aggregate(1L, (product, length) => product * length);
        Datatype[] types = [.. Enum.GetValues<Datatype>().Where(type => !withJsonForm || type is not (Datatype.Fp16 or Datatype.Bf16))];
        Datatype datatype = types[random.Next(types.Length)];
        if (datatype == Datatype.Bytes)
        {
            return InferTensor.OfStrings(name, shape, [.. Enumerable.Range(0, count).Select(_ => RandomText(random))]);
        }
        int size = Datatypes.Size(datatype);
        byte[] raw = new byte[count * size];
        random.NextBytes(raw);
        for (int i = 0; i < count; i++)
        {
            Span<byte> element = raw.AsSpan(i * size, size);
            if (datatype == Datatype.Bool)
            {
                element[0] &= 1;
            }
            else if (datatype is Datatype.Fp32 or Datatype.Fp64)
            {
                element[^1] &= 0x3f; // finite
                element[^2] &= 0x7f;
            }
        }
        return InferTensor.OfRaw(name, datatype, shape, raw);
    }

    private static ReadOnlyMemory<byte> RandomText(Random random) =>
        Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, random.Next(6)).Select(_ => new[] { "a", "é", "\"", "\\", "\n", "🦙", "漢" }[random.Next(7)])));
}
