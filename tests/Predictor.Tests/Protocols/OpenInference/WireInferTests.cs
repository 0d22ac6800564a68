using System.Buffers;
using Google.Protobuf;
using KServePaged.Predictor.Protocols.OpenInference;
using KServePaged.Predictor.Protocols.OpenInference.Grpc;
using KServePaged.Predictor.Transport.Grpc;

namespace KServePaged.Predictor.Tests.Protocols.OpenInference;

/// <summary>The infer messages that are read and written by hand, beside their generated classes.</summary>
public sealed class WireInferTests
{
    [Fact]
    public void Responses_InEveryForm_AreTheGeneratedClassesBytes()
    {
        var random = new Random(41);
        for (int round = 0; round < 2_000; round++)
        {
            bool raw = random.Next(2) == 0;
            bool? isFinal = random.Next(3) switch { 0 => null, 1 => false, _ => true };
            IReadOnlyList<InferTensor> outputs = random.Next(8) == 0 ? [] : TensorForms.Random(random, withJsonForm: !raw);
            var response = new InferResponse(Text(random), Text(random), Text(random), outputs);
            ModelInferResponse expected = Generated(response, raw, isFinal);
            var actual = new WireInferResponse(response, raw, isFinal);
            Assert.Equal(Convert.ToHexString(expected.ToByteArray()), Hex(WireInferResponse.Serializer, actual));
            string error = Text(random);
            Assert.Equal(
                Convert.ToHexString(new ModelStreamInferResponse { ErrorMessage = error, InferResponse = expected }.ToByteArray()),
                Hex(WireStreamResponse.Serializer, new WireStreamResponse(error, actual)));
        }
    }

    [Fact]
    public void Parse_WhatNoClientOfThisProtocolSends_IsWhatTheGeneratedClassReads()
    {
        byte[][] messages =
        [
            [], // nothing
            [0x0a, 1, (byte)'a', 0x0a, 1, (byte)'b'], // a name twice: the last counts
            [0x2a, 6, 0x18, 1, 0x18, 0xff, 0xff, 0x03], // sizes one by one
            [0x2a, 8, 0x1a, 2, 1, 2, 0x1a, 0, 0x18, 3], // packed, empty, and one
            [0x2a, 4, 0x2a, 0, 0x2a, 0], // contents in two parts
            [0x22, 0], // an entry without key and value
            [0x22, 7, 0x12, 2, 0x08, 1, 0x0a, 1, (byte)'k'], // its value before its key
            [0x22, 5, 0x0a, 1, (byte)'k', 0x12, 0, 0x22, 7, 0x0a, 1, (byte)'k', 0x12, 2, 0x10, 9], // a key twice
            [0x4b, 0x08, 1, 0x53, 0x54, 0x4c, 0x0a, 1, (byte)'z'], // groups, which nobody knows, before a name
            [0x48, 5, 0x51, 1, 2, 3, 4, 5, 6, 7, 8, 0x5d, 1, 2, 3, 4, 0x62, 2, 9, 9], // unknown fields of each type
            [0x08, 7, 0x0a, 1, (byte)'a'], // a known number with another type
            [0x0a, 2, 0xff, 0xfe], // no UTF-8
        ];
        foreach (byte[] message in messages)
        {
            WireForms.AssertSame(ModelInferRequest.Parser.ParseFrom(message), WireInferRequest.Parse(new ReadOnlySequence<byte>(message)));
        }
    }

    [Theory]
    [InlineData("00")] // field 0
    [InlineData("0a05")] // longer than what is left
    [InlineData("0affffffff7f")]
    [InlineData("08ffffffffffffffffffff01")] // a number of eleven bytes
    [InlineData("0880")] // ends inside a number
    [InlineData("4b08")]
    [InlineData("4b0801")] // ends inside a group
    [InlineData("4b0801540a00")] // another group's end
    [InlineData("4c")] // an end without a begin
    [InlineData("0e")] // no such type
    [InlineData("4901")]
    [InlineData("2a021801ff")]
    [InlineData("2a031a0180")] // packed numbers end inside one
    public void Parse_WhenBroken_Refuses(string hex)
    {
        byte[] message = Convert.FromHexString(hex);
        Assert.ThrowsAny<Exception>(() => ModelInferRequest.Parser.ParseFrom(message));
        Assert.Throws<InvalidDataException>(() => WireInferRequest.Parse(new ReadOnlySequence<byte>(message)));
    }

    [Fact]
    public void Parse_WhenGroupsNestWithoutEnd_RefusesWithoutTheStack() => Assert.Throws<InvalidDataException>(
        () => WireInferRequest.Parse(new ReadOnlySequence<byte>([.. Enumerable.Repeat((byte)0x4b, 1_000_000)])));

    private static ModelInferResponse Generated(InferResponse response, bool raw, bool? isFinal)
    {
        var message = new ModelInferResponse { ModelName = response.ModelName, ModelVersion = response.ModelVersion, Id = response.Id };
        if (isFinal is { } final)
        {
            message.Parameters["triton_final_response"] = new InferParameter { BoolParam = final };
        }
        foreach (InferTensor tensor in response.Outputs)
        {
            var output = new ModelInferResponse.Types.InferOutputTensor { Name = tensor.Name, Datatype = Datatypes.Name(tensor.Datatype), Shape = { tensor.Shape } };
            message.Outputs.Add(output);
            if (raw)
            {
                message.RawOutputContents.Add(ByteString.CopyFrom(RawTensors.Encode(tensor).Span));
            }
            else
            {
                output.Contents = ProtoTensors.ToTyped(tensor);
            }
        }
        return message;
    }

    private static string Hex<T>(GrpcSerializer<T> serializer, T message)
    {
        var output = new SmallSegments();
        serializer.Write(message, output);
        Assert.Equal(serializer.Size(message), output.Bytes.Count);
        return Convert.ToHexString([.. output.Bytes]);
    }

    private static string Text(Random random) => random.Next(4) == 0 ? "" : new string(random.Next(3) == 0 ? 'ü' : 'm', random.Next(1, 200));

    // Gives no more room than it must, so that every seam between two pieces is met.
    private sealed class SmallSegments : IBufferWriter<byte>
    {
        private byte[] _given = [];

        public List<byte> Bytes { get; } = [];

        public void Advance(int count) => Bytes.AddRange(_given.AsSpan(0, count));

        public Memory<byte> GetMemory(int sizeHint = 0) => _given = new byte[Math.Max(sizeHint, 1)];

        public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;
    }
}
