using System.Buffers;
using Google.Protobuf;
using KServePaged.Predictor.Transport.Grpc;

namespace KServePaged.Predictor.Protocols.OpenInference.Grpc;

/// <summary>A ModelInferRequest off the wire. Read by hand, since it is the message that comes most: its generated class makes some forty objects of a small one.</summary>
internal sealed class WireInferRequest
{
    private readonly List<WireInferInput> _inputs = new(2);
    private readonly List<ReadOnlyMemory<byte>> _rawInputs = new(2);

    public static GrpcParser<WireInferRequest> Parser { get; } = new(nameof(ModelInferRequest), Parse);

    public string ModelName { get; private set; } = "";

    public string ModelVersion { get; private set; } = "";

    /// <summary>Empty = none.</summary>
    public string Id { get; private set; } = "";

    /// <summary>Null = none.</summary>
    public Dictionary<string, InferParameter>? Parameters { get; private set; }

    public IReadOnlyList<WireInferInput> Inputs => _inputs;

    public IReadOnlyList<ModelInferRequest.Types.InferRequestedOutputTensor> Outputs { get; private set; } = [];

    public IReadOnlyList<ReadOnlyMemory<byte>> RawInputs => _rawInputs;

    /// <summary>Bytes it had on the wire.</summary>
    public int Size { get; private init; }

    /// <param name="message">Borrowed for the call.</param>
    /// <exception cref="InvalidDataException">These bytes are no such message; so Google's own exception where a nested message is none.</exception>
    public static WireInferRequest Parse(ReadOnlySequence<byte> message)
    {
        byte[] bytes = message.ToArray(); // the pipe takes its memory back, and raw tensors refer to these
        var request = new WireInferRequest { Size = bytes.Length };
        var reader = new WireReader(bytes);
        List<ModelInferRequest.Types.InferRequestedOutputTensor>? outputs = null;
        for (uint tag; (tag = reader.ReadTag()) != 0;)
        {
            switch (tag)
            {
                case (1 << 3) | 2:
                    request.ModelName = reader.ReadString();
                    break;
                case (2 << 3) | 2:
                    request.ModelVersion = reader.ReadString();
                    break;
                case (3 << 3) | 2:
                    request.Id = reader.ReadString();
                    break;
                case (4 << 3) | 2:
                    ReadParameter(request.Parameters ??= [], reader.ReadBytes());
                    break;
                case (5 << 3) | 2:
                    request._inputs.Add(WireInferInput.Parse(reader.ReadBytes()));
                    break;
                case (6 << 3) | 2:
                    request.Outputs = outputs ??= [];
                    outputs.Add(ModelInferRequest.Types.InferRequestedOutputTensor.Parser.ParseFrom(reader.ReadBytes()));
                    break;
                case (7 << 3) | 2:
                    int length = reader.ReadBytes().Length;
                    request._rawInputs.Add(bytes.AsMemory(reader.Position - length, length));
                    break;
                default:
                    reader.Skip(tag);
                    break;
            }
        }
        return request;
    }

    /// <summary>An entry of a map; of several with one key, the last counts.</summary>
    public static void ReadParameter(Dictionary<string, InferParameter> parameters, ReadOnlySpan<byte> entry)
    {
        var reader = new WireReader(entry);
        string key = "";
        var value = new InferParameter();
        for (uint tag; (tag = reader.ReadTag()) != 0;)
        {
            switch (tag)
            {
                case (1 << 3) | 2:
                    key = reader.ReadString();
                    break;
                case (2 << 3) | 2:
                    value.MergeFrom(reader.ReadBytes());
                    break;
                default:
                    reader.Skip(tag);
                    break;
            }
        }
        parameters[key] = value;
    }
}
