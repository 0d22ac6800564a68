using System.Buffers;
using Google.Protobuf;
using KServePaged.Predictor.Transport.Grpc;

namespace KServePaged.Predictor.Protocols.OpenInference.Grpc;

/// <summary>A ModelInferResponse on its way to the wire. Written by hand for the reason of <see cref="WireInferRequest"/>.</summary>
internal sealed class WireInferResponse
{
    private const string FinalResponse = "triton_final_response";

    private readonly InferResponse _response;
    private readonly bool? _isFinal;
    private readonly ReadOnlyMemory<byte>[] _raw;
    private readonly InferTensorContents[] _typed;
    private readonly int[] _tensorSizes;

    /// <param name="raw">Tensors go into raw_output_contents; else each has its contents.</param>
    /// <param name="isFinal">In streams: no other response to the request follows.</param>
    public WireInferResponse(InferResponse response, bool raw, bool? isFinal = null)
    {
        (_response, _isFinal) = (response, isFinal);
        _raw = raw ? new ReadOnlyMemory<byte>[response.Outputs.Count] : [];
        _typed = raw ? [] : new InferTensorContents[response.Outputs.Count];
        _tensorSizes = new int[response.Outputs.Count];
        for (int i = 0; i < response.Outputs.Count; i++)
        {
            if (raw)
            {
                _raw[i] = RawTensors.Encode(response.Outputs[i]);
            }
            else
            {
                _typed[i] = ProtoTensors.ToTyped(response.Outputs[i]);
            }
            _tensorSizes[i] = SizeOfTensor(i);
        }
        Size = SizeOf();
    }

    public static GrpcSerializer<WireInferResponse> Serializer { get; } = new(static response => response.Size, static (response, output) =>
    {
        var writer = new WireWriter(output);
        response.WriteTo(ref writer, output);
        writer.Flush();
    });

    /// <summary>Bytes on the wire.</summary>
    public int Size { get; }

    public void WriteTo(ref WireWriter writer, IBufferWriter<byte> output)
    {
        writer.Write(1, _response.ModelName);
        writer.Write(2, _response.ModelVersion);
        writer.Write(3, _response.Id);
        if (_isFinal is { } final)
        {
            // An entry of a map: its key, and a parameter whose only field is a boolean.
            writer.BeginContent(4, WireWriter.SizeOf(FinalResponse) + WireWriter.SizeOf(2));
            writer.Write(1, FinalResponse);
            writer.BeginContent(2, 2);
            writer.WriteBoolean(1, final);
        }
        for (int i = 0; i < _response.Outputs.Count; i++)
        {
            InferTensor tensor = _response.Outputs[i];
            writer.BeginContent(5, _tensorSizes[i]);
            writer.Write(1, tensor.Name);
            writer.Write(2, Datatypes.Name(tensor.Datatype));
            writer.WritePacked(3, tensor.Shape);
            if (_typed.Length > 0)
            {
                writer.BeginContent(5, _typed[i].CalculateSize());
                writer.Flush();
                _typed[i].WriteTo(output);
            }
        }
        foreach (ReadOnlyMemory<byte> raw in _raw)
        {
            writer.WriteBytes(6, raw.Span);
        }
    }

    private int SizeOf()
    {
        int size = WireWriter.SizeOf(_response.ModelName) + WireWriter.SizeOf(_response.ModelVersion) + WireWriter.SizeOf(_response.Id);
        size += _isFinal is null ? 0 : WireWriter.SizeOf(WireWriter.SizeOf(FinalResponse) + WireWriter.SizeOf(2));
        foreach (int tensor in _tensorSizes)
        {
            size = checked(size + WireWriter.SizeOf(tensor));
        }
        foreach (ReadOnlyMemory<byte> raw in _raw)
        {
            size = checked(size + WireWriter.SizeOf(raw.Length));
        }
        return size;
    }

    private int SizeOfTensor(int index)
    {
        InferTensor tensor = _response.Outputs[index];
        return WireWriter.SizeOf(tensor.Name) + WireWriter.SizeOf(Datatypes.Name(tensor.Datatype)) + WireWriter.SizeOfPacked(tensor.Shape)
            + (_typed.Length > 0 ? WireWriter.SizeOf(_typed[index].CalculateSize()) : 0);
    }
}
