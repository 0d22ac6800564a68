using System.Globalization;
using System.Text;
using System.Text.Json;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Protocols.OpenInference;
using KServePaged.Predictor.Protocols.OpenInference.Grpc;
using KServePaged.Predictor.Protocols.OpenInference.Rest;

namespace KServePaged.Predictor.Tests.Protocols.OpenInference;

public sealed class BinaryTensorTests
{
    private const string Int16 = """{"inputs":[{"name":"x","shape":[2],"datatype":"INT16","parameters":{"binary_data_size":4}}]}""";

    [Fact]
    public void ReadInfer_WhenMixed_TakesEachTensorFromItsPlace()
    {
        RestInfer infer = Read("""
            {"inputs":[{"name":"a","shape":[2],"datatype":"BYTES","parameters":{"binary_data_size":11}},
                       {"name":"b","shape":[1],"datatype":"INT32","data":[7]},
                       {"name":"c","shape":[2],"datatype":"BF16","parameters":{"binary_data_size":4}}],
             "outputs":[{"name":"p"},{"name":"q","parameters":{"binary_data":false}},{"name":"r","parameters":{"binary_data":true}}],
             "parameters":{"binary_data_output":true,"seed":1}}
            """, [3, 0, 0, 0, (byte)'a', (byte)'b', (byte)'c', 0, 0, 0, 0, 0x80, 0x3f, 0x00, 0xc0]);
        Assert.Equal(["abc", ""], infer.Request.Inputs[0].Strings.Select(text => Encoding.UTF8.GetString(text.Span)));
        Assert.Equal(7, infer.Request.Inputs[1].IntegerAt(0));
        Assert.Equal([1.0, -2.0], [infer.Request.Inputs[2].FloatAt(0)!.Value, infer.Request.Inputs[2].FloatAt(1)!.Value]);
        Assert.Equal(["p", "q", "r"], infer.Request.Outputs);
        Assert.Equal([true, false, true], infer.Request.Outputs.Select(infer.Binary.Include));
        Assert.Equal(["seed"], infer.Request.Parameters.Keys);
    }

    [Theory]
    [InlineData(false, new[] { false, true, false })]
    [InlineData(true, new[] { true, true, false })]
    public void BinaryOutputs_TheOutputsOwnWordWins(bool byDefault, bool[] expected)
    {
        var outputs = new BinaryOutputs(byDefault, new Dictionary<string, bool> { ["yes"] = true, ["no"] = false });
        Assert.Equal(expected, new[] { "silent", "yes", "no" }.Select(outputs.Include));
    }

    [Theory]
    [InlineData(Int16, 4, "", null)]
    [InlineData(Int16, 3, "", "3 bytes are left")]
    [InlineData(Int16, 5, "", "5 bytes behind its JSON header, the inputs claim 4")]
    [InlineData(Int16, 4, "-1", "Inference-Header-Content-Length is '-1'")]
    [InlineData(Int16, 4, "9999", "at most the body's")]
    [InlineData(Int16, 4, "99999999999999999999", "at most the body's")]
    [InlineData(Int16, 4, "12 ", "Inference-Header-Content-Length")]
    [InlineData(Int16, 4, "10,10", "Inference-Header-Content-Length")]
    [InlineData(Int16, 4, "0", "no body")]
    [InlineData(Int16, 4, "20", "not JSON")]
    [InlineData("""{"inputs":[{"name":"x","shape":[3],"datatype":"INT16","parameters":{"binary_data_size":4}}]}""", 4, "", "ask for 6")]
    [InlineData("""{"inputs":[{"name":"x","shape":[2],"datatype":"INT16","parameters":{"binary_data_size":-4}}]}""", 4, "", "at least 0")]
    [InlineData("""{"inputs":[{"name":"x","shape":[2],"datatype":"INT16","parameters":{"binary_data_size":"4"}}]}""", 4, "", "at least 0")]
    [InlineData("""{"inputs":[{"name":"x","shape":[2],"datatype":"INT16","parameters":{"binary_data_size":1e30}}]}""", 4, "", "at least 0")]
    [InlineData("""{"inputs":[{"name":"x","shape":[2],"datatype":"INT16","parameters":{"binary_data_size":4},"data":[1,2]}]}""", 4, "", "beside 'binary_data_size'")]
    [InlineData("""{"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":4}}]}""", 4, "", "claims 16843009 bytes")]
    [InlineData("""{"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":2}}]}""", 2, "", "ends inside the length")]
    [InlineData("""{"inputs":[{"name":"x","shape":[2147483647],"datatype":"BYTES","parameters":{"binary_data_size":0}}]}""", 0, "", "0 elements")]
    public void ReadInfer_WhenLengthsDisagree_NamesTheFault(string json, int blob, string header, string? expected)
    {
        byte[] bytes = new byte[blob];
        Array.Fill(bytes, (byte)1);
        if (expected is null)
        {
            Assert.Equal(257, Read(json, bytes).Request.Inputs[0].IntegerAt(1));
            return;
        }
        var refusal = Assert.Throws<RequestException>(() => Read(json, bytes, header.Length > 0 ? header : null));
        Assert.Equal(EngineErrorCode.InvalidArgument, refusal.Code);
        Assert.Contains(expected, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Encode_WritesTheWantedTensorsBehindTheJson()
    {
        var response = new InferResponse("m", "1", "7", [InferTensor.OfTexts("t", ["hé", ""]), InferTensor.OfUint32("n", [5]), InferTensor.OfInt32("i", [2], [1, -1])]);
        (ReadOnlyMemory<byte> body, int? header) = InferReply.Encode(response, new BinaryOutputs(true, new Dictionary<string, bool> { ["n"] = false }));
        const string Json =
            """{"model_name":"m","model_version":"1","id":"7","outputs":[{"name":"t","shape":[2],"datatype":"BYTES","parameters":{"binary_data_size":11}},{"name":"n","shape":[1],"datatype":"UINT32","data":[5]},{"name":"i","shape":[2],"datatype":"INT32","parameters":{"binary_data_size":8}}]}""";
        Assert.Equal(Json.Length, header);
        Assert.Equal(Json, Encoding.UTF8.GetString(body.Span[..Json.Length]));
        Assert.Equal("03000000" + "68C3A9" + "00000000" + "01000000" + "FFFFFFFF", Convert.ToHexString(body.Span[Json.Length..]));
        Assert.Null(InferReply.Encode(response, new BinaryOutputs(false, new Dictionary<string, bool>())).HeaderLength);
    }

    /// <summary>Whatever form a list of tensors has on the wire, inside it is the same request.</summary>
    [Fact]
    public void EveryForm_GivesTheSameRequest()
    {
        var random = new Random(31);
        for (int round = 0; round < 2_000; round++)
        {
            bool withJsonForm = round % 2 == 0;
            IReadOnlyList<InferTensor> tensors = TensorForms.Random(random, withJsonForm);
            (byte[] body, int header) = TensorForms.Binary(tensors, tensor => !withJsonForm || random.Next(2) == 0);
            TensorForms.AssertSame(tensors, RestBody.ReadInfer(body, header.ToString(CultureInfo.InvariantCulture)).Request.Inputs, "binary");
            TensorForms.AssertSame(tensors, ProtoInfer.Read(TensorForms.Proto(tensors, raw: true)).Inputs, "raw");
            if (withJsonForm)
            {
                TensorForms.AssertSame(tensors, RestBody.ReadInfer(TensorForms.Json(tensors), null).Request.Inputs, "JSON");
                TensorForms.AssertSame(tensors, ProtoInfer.Read(TensorForms.Proto(tensors, raw: false)).Inputs, "typed");
            }
        }
    }

    /// <summary>Hostile bodies and headers are read or refused with InvalidArgument, never anything else.</summary>
    [Fact]
    public void ReadInfer_WhenMutated_OnlyEverRefuses()
    {
        var random = new Random(32);
        int rounds = Environment.GetEnvironmentVariable("KSERVEPAGED_SLOW") == "1" ? 1_000_000 : 100_000;
        int refused = 0;
        for (int round = 0; round < rounds; round++)
        {
            (byte[] body, int header) = TensorForms.Binary(TensorForms.Random(random, withJsonForm: false), tensor => true);
            Mutate(random, ref body, ref header);
            try
            {
                _ = RestBody.ReadInfer(body, header.ToString(CultureInfo.InvariantCulture));
            }
            catch (RequestException refusal)
            {
                Assert.True(refusal.Code == EngineErrorCode.InvalidArgument, $"round {round}: {refusal}");
                refused++;
            }
        }
        Assert.InRange(refused, rounds / 2, rounds - (rounds / 100));
    }

    private static void Mutate(Random random, ref byte[] body, ref int header)
    {
        switch (random.Next(5))
        {
            case 0:
                header += random.Next(-3, 4);
                break;
            case 1:
                body = body[..random.Next(body.Length)];
                break;
            case 2:
                body = [.. body, .. new byte[random.Next(1, 9)]];
                break;
            case 3 when body.Length > header:
                body[random.Next(header, body.Length)] = (byte)random.Next(256); // often a length of BYTES
                break;
            default:
                body[random.Next(header)] = (byte)"{}[],:\"0123456789.eE-+truefalsn \\u"[random.Next(34)];
                break;
        }
    }

    private static RestInfer Read(string json, byte[] blob, string? header = null)
    {
        byte[] head = Encoding.UTF8.GetBytes(json);
        return RestBody.ReadInfer((byte[])[.. head, .. blob], header ?? head.Length.ToString(CultureInfo.InvariantCulture));
    }
}
