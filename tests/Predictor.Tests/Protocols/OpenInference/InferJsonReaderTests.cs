using System.Text;
using System.Text.Json;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Protocols.OpenInference;
using KServePaged.Predictor.Protocols.OpenInference.Rest;

namespace KServePaged.Predictor.Tests.Protocols.OpenInference;

public sealed class InferJsonReaderTests
{
    [Fact]
    public void Read_WhenComplete_KeepsEverything()
    {
        InferRequest request = Read("""
            {"id":"7","model_name":"m","parameters":{"temperature":0.5,"stop":"x"},
             "inputs":[{"name":"text_input","shape":[2],"datatype":"BYTES","data":["héllo","b"]},
                       {"name":"input_ids","shape":[2,2],"datatype":"INT32","data":[[1,2],[3,4]]}],
             "outputs":[{"name":"b"},{"name":"a","parameters":{"binary_data":false}}]}
            """);
        Assert.Equal("7", request.Id);
        Assert.Equal(["b", "a"], request.Outputs);
        Assert.Equal(0.5, request.Parameters["temperature"].GetDouble());
        Assert.Equal("héllo", Encoding.UTF8.GetString(request.Inputs[0].Strings[0].Span));
        Assert.Equal([1L, 2L, 3L, 4L], Enumerable.Range(0, 4).Select(i => request.Inputs[1].IntegerAt(i)!.Value));
    }

    [Theory]
    [InlineData("[]", "JSON object")]
    [InlineData("{}", "'inputs' is missing")]
    [InlineData("""{"inputs":{}}""", "'inputs' must be an array")]
    [InlineData("""{"inputs":[],"max_tokens":1}""", "'max_tokens' belongs into 'parameters'")]
    [InlineData("""{"inputs":[],"output":[]}""", "'outputs' is")]
    [InlineData("""{"inputs":[{"name":"x","shape":[1],"datatype":"BOOL","data":[true],"colour":1}]}""", "unknown field 'colour'")]
    [InlineData("""{"inputs":[{"name":"x","shape":[1],"datatype":"BOOL","data":[true],"parameters":{"p":[]}}]}""", "'p' must be a string, a number or a boolean")]
    [InlineData("""{"inputs":[3]}""", "inputs[0]")]
    [InlineData("""{"inputs":[{"shape":[1],"datatype":"BOOL","data":[true]}]}""", "'name' is missing")]
    [InlineData("""{"inputs":[{"name":"x","shape":[1],"data":[true]}]}""", "'datatype' is missing")]
    [InlineData("""{"inputs":[{"name":"x","shape":[1],"datatype":"TYPE_INT32","data":[1]}]}""", "datatype 'TYPE_INT32'")]
    [InlineData("""{"inputs":[{"name":"x","shape":[-1],"datatype":"INT32","data":[1]}]}""", "at least 0")]
    [InlineData("""{"inputs":[{"name":"x","shape":[1.5],"datatype":"INT32","data":[1]}]}""", "must be a whole number")]
    [InlineData("""{"inputs":[{"name":"x","shape":[2],"datatype":"INT32","data":[1]}]}""", "1 elements, its shape asks for 2")]
    [InlineData("""{"inputs":[{"name":"x","shape":[4294967296,4294967296],"datatype":"INT32","data":[]}]}""", "more than")]
    [InlineData("""{"inputs":[{"name":"x","shape":[2,2],"datatype":"INT32","data":[[1,2,3],[4]]}]}""", "neither flat nor nested")]
    [InlineData("""{"inputs":[{"name":"x","shape":[2,2],"datatype":"INT32","data":[[1,2],3]}]}""", "mixes")]
    [InlineData("""{"inputs":[{"name":"x","shape":[1],"datatype":"INT32","data":[2147483648]}]}""", "element 0 is not a INT32")]
    [InlineData("""{"inputs":[{"name":"x","shape":[1],"datatype":"UINT8","data":[-1]}]}""", "not a UINT8")]
    [InlineData("""{"inputs":[{"name":"x","shape":[1],"datatype":"BOOL","data":[1]}]}""", "not a BOOL")]
    [InlineData("""{"inputs":[{"name":"x","shape":[1],"datatype":"FP16","data":[1]}]}""", "no JSON form")]
    [InlineData("""{"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","data":[1]}]}""", "must be a string")]
    [InlineData("""{"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","data":["\ud800"]}]}""", "Unicode")]
    [InlineData("""{"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","parameters":{"shared_memory_region":"r"}}]}""", "shared_memory_region")]
    [InlineData("""{"inputs":[{"name":"x","shape":[1],"datatype":"BYTES"}]}""", "'data' must be an array")]
    [InlineData("""{"inputs":[],"outputs":[{"name":"o","parameters":{"classification":3}}]}""", "classification")]
    [InlineData("""{"inputs":[],"outputs":[{"name":"o","parameters":{"binary_data":"yes"}}]}""", "binary_data' must be true or false")]
    [InlineData("""{"inputs":[],"parameters":{"binary_data_output":1}}""", "binary_data_output' must be true or false")]
    [InlineData("""{"inputs":[{"name":"x","shape":[1],"datatype":"INT8","parameters":{"binary_data_size":1}}]}""", "needs the header")]
    [InlineData("""{"inputs":[],"stream":"yes"}""", "'stream' must be")]
    [InlineData("""{"inputs":[],"parameters":[]}""", "'parameters' must be")]
    public void Read_WhenMalformed_NamesTheFault(string body, string expected)
    {
        var refusal = Assert.Throws<RequestException>(() => Read(body));
        Assert.Equal(EngineErrorCode.InvalidArgument, refusal.Code);
        Assert.Contains(expected, refusal.Message, StringComparison.Ordinal);
    }

    /// <summary>Any tensor written as JSON and read again is the same tensor.</summary>
    [Fact]
    public void ReadAfterWrite_GivesTheSameTensors()
    {
        var random = new Random(20);
        for (int round = 0; round < 500; round++)
        {
            InferTensor tensor = RandomTensor(random);
            InferTensor again = Read(RequestJson(tensor)).Inputs[0];
            Assert.Equal(tensor.Shape, again.Shape);
            Assert.True(tensor.Raw.Span.SequenceEqual(again.Raw.Span), $"{tensor.Datatype} {string.Join('x', tensor.Shape)}");
            Assert.Equal(tensor.Strings.Select(s => Convert.ToHexString(s.Span)), again.Strings.Select(s => Convert.ToHexString(s.Span)));
        }
    }

    /// <summary>Hostile bodies: mutated valid requests are read or refused with InvalidArgument, never anything else.</summary>
    [Fact]
    public void Read_WhenMutated_OnlyEverRefuses()
    {
        var random = new Random(21);
        int refused = 0;
        for (int round = 0; round < 20_000; round++)
        {
            byte[] body = Encoding.UTF8.GetBytes(RequestJson(RandomTensor(random)));
            for (int change = random.Next(1, 4); change > 0; change--)
            {
                body[random.Next(body.Length)] = (byte)"{}[],:\"0123456789.eE-+truefalsn \\\u007f"[random.Next(32)];
            }
            try
            {
                using JsonDocument document = JsonDocument.Parse(body);
                _ = InferJsonReader.Read(document.RootElement, binary: null);
            }
            catch (JsonException)
            {
                refused++; // the transport answers 400 before this reader sees the body
            }
            catch (RequestException refusal)
            {
                Assert.Equal(EngineErrorCode.InvalidArgument, refusal.Code);
                refused++;
            }
        }
        Assert.InRange(refused, 10_000, 19_999);
    }

    private static InferRequest Read(string json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        InferRequest request = InferJsonReader.Read(document.RootElement, binary: null).Request;
        return request with { Parameters = request.Parameters.ToDictionary(entry => entry.Key, entry => entry.Value.Clone()) };
    }

    private static InferTensor RandomTensor(Random random)
    {
        long[] shape = [.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => (long)random.Next(0, 4))];
        int count = (int)shape.Aggregate(1L, (product, size) => product * size);
        Datatype[] withJson = [.. Enum.GetValues<Datatype>().Where(type => type is not (Datatype.Fp16 or Datatype.Bf16))];
        Datatype datatype = withJson[random.Next(withJson.Length)];
        if (datatype == Datatype.Bytes)
        {
            return InferTensor.OfStrings("x", shape, [.. Enumerable.Range(0, count).Select(_ => RandomText(random))]);
        }
        byte[] raw = new byte[count * Datatypes.Size(datatype)];
        random.NextBytes(raw);
        for (int i = 0; i < raw.Length && datatype == Datatype.Bool; i++)
        {
            raw[i] &= 1;
        }
        int size = Datatypes.Size(datatype);
        for (int i = 0; i < count && datatype is Datatype.Fp32 or Datatype.Fp64; i++)
        {
            raw[((i + 1) * size) - 1] &= 0x3f; // finite
            raw[((i + 1) * size) - 2] &= 0x7f;
        }
        return InferTensor.OfRaw("x", datatype, shape, raw);
    }

    private static ReadOnlyMemory<byte> RandomText(Random random) =>
        Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, random.Next(6)).Select(_ => new[] { "a", "é", "\"", "\\", "\n", "🦙", "漢" }[random.Next(7)])));

    private static string RequestJson(InferTensor tensor)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteStartArray("inputs");
            writer.WriteStartObject();
            writer.WriteString("name", tensor.Name);
            writer.WriteString("datatype", Datatypes.Name(tensor.Datatype));
            writer.WriteStartArray("shape");
            foreach (long size in tensor.Shape)
            {
                writer.WriteNumberValue(size);
            }
            writer.WriteEndArray();
            writer.WritePropertyName("data");
            TensorJson.WriteData(writer, tensor);
            writer.WriteEndObject();
            writer.WriteEndArray();
            writer.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.ToArray());
    }
}
