using System.Text;
using Google.Protobuf;
using KServePaged.Predictor.Transport.Grpc;

namespace KServePaged.Predictor.Protocols.OpenInference.Grpc;

/// <summary>An InferInputTensor off the wire.</summary>
internal sealed class WireInferInput
{
    private readonly List<long> _shape = new(2);

    public string Name { get; private set; } = "";

    public string Datatype { get; private set; } = "";

    public IReadOnlyList<long> Shape => _shape;

    /// <summary>Null = none.</summary>
    public Dictionary<string, InferParameter>? Parameters { get; private set; }

    /// <summary>Null = none.</summary>
    public InferTensorContents? Contents { get; private set; }

    /// <exception cref="InvalidDataException">As <see cref="WireInferRequest.Parse"/>.</exception>
    public static WireInferInput Parse(ReadOnlySpan<byte> message)
    {
        var input = new WireInferInput();
        var reader = new WireReader(message);
        for (uint tag; (tag = reader.ReadTag()) != 0;)
        {
            switch (tag)
            {
                case (1 << 3) | 2:
                    input.Name = reader.ReadString();
                    break;
                case (2 << 3) | 2:
                    ReadOnlySpan<byte> datatype = reader.ReadBytes();
                    input.Datatype = Datatypes.Known(datatype) ?? Encoding.UTF8.GetString(datatype);
                    break;
                case 3 << 3:
                case (3 << 3) | 2:
                    reader.ReadNumbers(input._shape, packed: tag != 3 << 3);
                    break;
                case (4 << 3) | 2:
                    WireInferRequest.ReadParameter(input.Parameters ??= [], reader.ReadBytes());
                    break;
                case (5 << 3) | 2:
                    (input.Contents ??= new InferTensorContents()).MergeFrom(reader.ReadBytes());
                    break;
                default:
                    reader.Skip(tag);
                    break;
            }
        }
        return input;
    }
}
