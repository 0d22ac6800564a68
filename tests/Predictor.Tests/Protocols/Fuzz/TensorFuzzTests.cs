using System.Globalization;
using System.Text;
using System.Text.Json;
using Google.Protobuf;
using KServePaged.Predictor.Protocols.OpenInference;
using KServePaged.Predictor.Protocols.OpenInference.Grpc;
using KServePaged.Predictor.Protocols.OpenInference.Rest;
using KServePaged.Predictor.Tests.Doubles;
using KServePaged.Predictor.Tests.Protocols.OpenInference;

namespace KServePaged.Predictor.Tests.Protocols.Fuzz;

/// <summary>Tensors in every form that has lengths to lie about, mutated.</summary>
public sealed class TensorFuzzTests
{
    private const int Seed = 20261126;

    [Fact]
    public void Messages_OnlyEverRefused() => FuzzRun.Check(
        Seed,
        random =>
        {
            ModelInferRequest request = TensorMutator.Sound(random);
            for (int i = random.Next(0, 4); i > 0; i--)
            {
                TensorMutator.Mutate(request, random);
            }
            return (request, request.CalculateSize());
        },
        request => Serve(WireInferRequest.Parse(new(request.ToByteArray()))),
        request => request.ToString());

    // What is no message any more is the transport's to refuse.
    [Fact]
    public void Messages_WithBrokenBytes_OnlyEverRefused() => FuzzRun.Check(
        Seed + 1,
        random =>
        {
            byte[] bytes = TensorMutator.Sound(random).ToByteArray();
            return (TensorMutator.Flipped(random.Next(8) == 0 ? bytes[..random.Next(bytes.Length)] : bytes, random), bytes.Length);
        },
        bytes =>
        {
            ModelInferRequest? generated = null;
            try
            {
                generated = ModelInferRequest.Parser.ParseFrom(bytes);
                Serve(WireForms.AssertSame(generated, WireInferRequest.Parse(new(bytes))));
            }
            catch (InvalidProtocolBufferException) when (generated is null)
            {
                Assert.ThrowsAny<Exception>(() => WireInferRequest.Parse(new(bytes)));
            }
        },
        Convert.ToHexString);

    [Fact]
    public void BinaryBodies_OnlyEverRefused() => FuzzRun.Check(
        Seed + 2,
        random => Binary(random) is var request ? (request, request.Body.Length) : default,
        request =>
        {
            RestInfer infer = RestBody.ReadInfer(request.Body, request.HeaderLength);
            InferMapper.Map(infer.Request, new ScriptedEngine().Model, "r");
        },
        request => $"{request.HeaderLength}\n{Encoding.Latin1.GetString(request.Body)}");

    private static void Serve(WireInferRequest request) => InferMapper.Map(ProtoInfer.Read(request), new ScriptedEngine().Model, "r");

    // The JSON of a raw message's tensors and their bytes behind it; the sizes are right until they are not.
    private static (byte[] Body, string? HeaderLength) Binary(Random random)
    {
        ModelInferRequest message = TensorMutator.Sound(random);
        for (int i = random.Next(0, 3); i > 0; i--)
        {
            TensorMutator.Mutate(message, random);
        }
        byte[][] parts = [.. message.Inputs.Select((_, i) => i < message.RawInputContents.Count ? message.RawInputContents[i].ToByteArray() : [])];
        using var json = new MemoryStream();
        using (var writer = new Utf8JsonWriter(json))
        {
            writer.WriteStartObject();
            writer.WriteStartArray("inputs");
            for (int i = 0; i < message.Inputs.Count; i++)
            {
                writer.WriteStartObject();
                writer.WriteString("name", message.Inputs[i].Name);
                writer.WriteString("datatype", message.Inputs[i].Datatype);
                writer.WritePropertyName("shape");
                writer.WriteRawValue($"[{string.Join(',', message.Inputs[i].Shape)}]");
                writer.WritePropertyName("parameters");
                int size = random.Next(12) == 0 ? random.Next(-2, 40) : parts[i].Length;
                writer.WriteRawValue($$"""{"binary_data_size":{{size}}}""");
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
            writer.WriteEndObject();
        }
        byte[] head = random.Next(12) == 0 ? TensorMutator.Flipped(json.ToArray(), random) : json.ToArray();
        int claimed = random.Next(12) == 0 ? random.Next(-1, head.Length + 40) : head.Length;
        return ([.. head, .. parts.SelectMany(part => part)], random.Next(20) == 0 ? null : claimed.ToString(CultureInfo.InvariantCulture));
    }
}
