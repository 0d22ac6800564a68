using Google.Protobuf;
using KServePaged.Predictor.Protocols.OpenInference;
using KServePaged.Predictor.Protocols.OpenInference.Grpc;
using Input = KServePaged.Predictor.Protocols.OpenInference.Grpc.ModelInferRequest.Types.InferInputTensor;

namespace KServePaged.Predictor.Tests.Protocols.Fuzz;

/// <summary>Sound infer messages made unsound: lying shapes and lengths, contents in the wrong field, missing and doubled tensors.</summary>
internal static class TensorMutator
{
    private static readonly long[] Sizes = [-1, 0, 1, 2, 3, int.MaxValue, 1L << 32, long.MaxValue, long.MinValue];

    private static readonly string[] Names = ["text_input", "messages", "input_ids", "max_tokens", "stop", "sampling_parameters", "temperature", "stream", "x", ""];

    /// <summary>One to three tensors, typed or raw; the first is a prompt.</summary>
    public static ModelInferRequest Sound(Random random)
    {
        var request = new ModelInferRequest { ModelName = "tales", Id = "1" };
        bool raw = random.Next(2) == 0;
        Add(request, random.Next(2) == 0 ? TensorOf("text_input", Datatype.Bytes, random) : TensorOf("input_ids", random.Next(2) == 0 ? Datatype.Int32 : Datatype.Int64, random), raw);
        foreach ((string name, Datatype type) in new[] { ("max_tokens", Datatype.Int16), ("temperature", Datatype.Fp32), ("ignore_eos", Datatype.Bool), ("seed", Datatype.Uint64), ("top_p", Datatype.Fp64) }
            .Where(_ => random.Next(4) == 0))
        {
            Add(request, Scalar(name, type), raw);
        }
        return request;
    }

    public static void Mutate(ModelInferRequest request, Random random)
    {
        Input? input = request.Inputs.Count > 0 ? request.Inputs[random.Next(request.Inputs.Count)] : null;
        int at = request.RawInputContents.Count > 0 ? random.Next(request.RawInputContents.Count) : -1;
        switch (random.Next(12))
        {
            case 0 when input is { Shape.Count: > 0 }:
                input.Shape[random.Next(input.Shape.Count)] = Sizes[random.Next(Sizes.Length)];
                break;
            case 1 when input is not null:
                input.Shape.Add(Sizes[random.Next(Sizes.Length)]);
                break;
            case 2 when input is not null:
                input.Datatype = random.Next(8) == 0 ? "STRING" : Datatypes.Name((Datatype)random.Next(14));
                break;
            case 3 when input is not null:
                input.Name = Names[random.Next(Names.Length)];
                break;
            case 4 when at >= 0:
                byte[] bytes = request.RawInputContents[at].ToByteArray();
                request.RawInputContents[at] = ByteString.CopyFrom(bytes[..random.Next(bytes.Length + 1)]);
                break;
            case 5 when at >= 0:
                request.RawInputContents[at] = ByteString.CopyFrom(Flipped(request.RawInputContents[at].ToByteArray(), random));
                break;
            case 6:
                request.RawInputContents.Add(ByteString.CopyFrom(new byte[random.Next(9)]));
                break;
            case 7 when input is not null:
                request.Inputs.Add(input.Clone());
                break;
            case 8 when input is not null:
                request.Inputs.Remove(input);
                break;
            case 9 when input is not null:
                input.Contents ??= new InferTensorContents();
                Fill(input.Contents, random);
                break;
            case 10:
                (random.Next(2) == 0 || input is null ? request.Parameters : input.Parameters)[Names[random.Next(Names.Length)]] = AnyParameter(random);
                break;
            default:
                request.Outputs.Add(new ModelInferRequest.Types.InferRequestedOutputTensor { Name = random.Next(2) == 0 ? "text_output" : "none" });
                break;
        }
    }

    public static byte[] Flipped(byte[] bytes, Random random)
    {
        for (int i = bytes.Length == 0 ? 0 : random.Next(1, 4); i > 0; i--)
        {
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
        }
        return bytes;
    }

    private static void Add(ModelInferRequest request, InferTensor tensor, bool raw)
    {
        var input = new Input { Name = tensor.Name, Datatype = Datatypes.Name(tensor.Datatype), Shape = { tensor.Shape } };
        if (raw)
        {
            request.RawInputContents.Add(ByteString.CopyFrom(RawTensors.Encode(tensor).Span));
        }
        else
        {
            input.Contents = ProtoTensors.ToTyped(tensor);
        }
        request.Inputs.Add(input);
    }

    private static InferTensor TensorOf(string name, Datatype type, Random random)
    {
        int count = random.Next(1, 4);
        return type == Datatype.Bytes
            ? InferTensor.OfTexts(name, [.. Enumerable.Range(0, count).Select(i => new string('é', i))])
            : InferTensor.OfRaw(name, type, [count], new byte[count * Datatypes.Size(type)]);
    }

    private static InferTensor Scalar(string name, Datatype type) => InferTensor.OfRaw(name, type, [1], new byte[Datatypes.Size(type)]);

    private static void Fill(InferTensorContents contents, Random random)
    {
        switch (random.Next(5))
        {
            case 0:
                contents.IntContents.Add(random.Next(-70000, 70000));
                break;
            case 1:
                contents.UintContents.Add(uint.MaxValue);
                break;
            case 2:
                contents.Fp32Contents.Add(float.NaN);
                break;
            case 3:
                contents.BytesContents.Add(ByteString.CopyFrom(0xff, 0xfe));
                break;
            default:
                contents.BoolContents.Add(true);
                break;
        }
    }

    private static InferParameter AnyParameter(Random random) => random.Next(6) switch
    {
        0 => new InferParameter(),
        1 => new InferParameter { BoolParam = true },
        2 => new InferParameter { Int64Param = long.MinValue },
        3 => new InferParameter { DoubleParam = double.NaN },
        4 => new InferParameter { Uint64Param = ulong.MaxValue },
        _ => new InferParameter { StringParam = "[{\"a\":\"" },
    };
}
