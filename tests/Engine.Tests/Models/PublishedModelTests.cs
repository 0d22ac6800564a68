using System.Text.Json;
using KServePaged.Engine.Kernels;
using KServePaged.Engine.Weights;
using KServePaged.TestSupport;

namespace KServePaged.Engine.Tests.Models;

/// <summary>Small models with expectations from elsewhere: shared/data/models.</summary>
public sealed class PublishedModelTests
{
    private const double LogitTolerance = 1e-4;

    [Theory]
    [InlineData("stories260K")]
    [InlineData("stories260K-sharded")]
    [InlineData("stories260K-untied")]
    [InlineData("stories260K-qwen2")]
    public void Stories_GiveTheIdsOfLlama2C(string model)
    {
        JsonElement expected = Json("models/stories260K_expected_public.json");
        using var run = new ModelRun(SharedData.PathOf($"models/{model}"));

        Assert.Equal(Ints(expected.GetProperty("third_party"), "ids_257_incl_bos")[1..], Greedy(run, [1], 256));
        foreach (JsonElement item in expected.GetProperty("own_reference").GetProperty("cases").EnumerateArray())
        {
            Assert.Equal(Ints(item, "greedy_ids"), Greedy(run, Ints(item, "prompt_ids"), 64));
        }
    }

    [Fact]
    public void Stories_LogitsAreWithinTolerance()
    {
        using var run = new ModelRun(SharedData.PathOf("models/stories260K"));
        using SafetensorsFile file = SafetensorsFile.Open(SharedData.PathOf("models/stories260K_logits_public.safetensors"));
        var stored = file.Tensors.ToDictionary(tensor => tensor.Name);
        double worst = 0;
        for (int k = 0; stored.ContainsKey($"ids_{k}"); k++)
        {
            int[] ids = Ids(stored[$"ids_{k}"]);
            float[] logits = Floats(stored[$"logits_{k}"]);
            Trace trace = Assert.Single(run.Run([ids], 0, new AloneSchedule()));
            for (int position = 0; position < ids.Length; position++)
            {
                float[] row = logits[(position * 512)..((position + 1) * 512)];
                worst = Math.Max(worst, row.Zip(trace.At(position), (a, b) => Math.Abs((double)a - b)).Max());
            }
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"largest error {worst:0.0e+0}");
        Assert.InRange(worst, double.Epsilon, LogitTolerance);
    }

    [Fact]
    public void StoriesBf16_InFloat32_GiveTheirOwnIds()
    {
        JsonElement expected = Json("models/stories260K-bf16/expected.json");
        using var run = new ModelRun(SharedData.PathOf("models/stories260K-bf16"));

        Assert.Equal(Ints(expected, "ids_257_incl_bos")[1..], Greedy(run, [1], 256));
        foreach (JsonElement item in expected.GetProperty("cases_public").EnumerateArray())
        {
            Assert.Equal(Ints(item, "greedy_ids"), Greedy(run, Ints(item, "prompt_ids"), 32));
        }
    }

    [Fact]
    public void StoriesBf16_AsStored_GiveTheirOwnIdsWhereTheMarginAllows()
    {
        const double RoundingOfBf16 = 0.1;
        JsonElement expected = Json("models/stories260K-bf16/expected.json");
        using var run = new ModelRun(SharedData.PathOf("models/stories260K-bf16"), options => options with { DType = "auto" });
        JsonElement[] clear = [.. expected.GetProperty("cases_public").EnumerateArray()
            .Where(item => item.GetProperty("min_margin").GetDouble() > RoundingOfBf16)];

        Assert.Equal("bfloat16", run.Model.DType);
        Assert.True(clear.Length >= 3);
        Assert.All(clear, item => Assert.Equal(Ints(item, "greedy_ids"), Greedy(run, Ints(item, "prompt_ids"), 32)));
    }

    [Fact]
    public void DType_WhenAskedFor_GivesTheBitsOfACheckpointConvertedBefore()
    {
        int[] prompt = [1, 403, 407, 261, 378];
        using var converted = new ModelRun(SharedData.PathOf("models/stories260K-bf16"), options => options with { DType = "auto" });
        using var original = new ModelRun(SharedData.PathOf("models/stories260K"), options => options with { DType = "bfloat16" });

        Trace expected = converted.Run([prompt], 24, new AloneSchedule())[0];
        Trace actual = original.Run([prompt], 24, new AloneSchedule())[0];

        Assert.Equal(expected.Output, actual.Output);
        Assert.Equal(expected.Logits[..28], actual.Logits[..28]);
    }

    [Theory]
    [InlineData("float32")]
    [InlineData("auto")]
    public void TinyRandomLlama_GivesTheIdsOfOnnxRuntime(string type)
    {
        JsonElement expected = Json("models/tiny-random-llama/expected.json");
        using var run = new ModelRun(SharedData.PathOf("models/tiny-random-llama"), options => options with { DType = type });

        Assert.Equal(type == "auto" ? "float16" : type, run.Model.DType);
        foreach (JsonElement item in expected.GetProperty("greedy").EnumerateArray())
        {
            Assert.Equal(Ints(item, "expected"), Greedy(run, Ints(item, "prompt"), 6));
        }
        int[] ids = Ints(expected.GetProperty("logits"), "ids");
        float[] last = run.Run([ids], 0, new AloneSchedule())[0].At(ids.Length - 1);
        Assert.All(
            expected.GetProperty("logits").GetProperty("last_position_top20").EnumerateArray(),
            pair => Assert.Equal(pair[1].GetDouble(), last[pair[0].GetInt32()], LogitTolerance));
    }

    [Theory]
    [InlineData("float32", 1e-6)]
    [InlineData("float16", 2e-2)]
    [InlineData("bfloat16", 0.2)]
    [InlineData("int8", 0.5)]
    public void KvCacheDType_ChangesLogitsByItsRoundingOnly(string type, double tolerance)
    {
        int[] prompt = [1, 403, 407, 261, 378, 432, 383, 286, 261, 376, 298];
        using var full = new ModelRun(SharedData.PathOf("models/stories260K"));
        using var rounded = new ModelRun(SharedData.PathOf("models/stories260K"), options => options with { KvCacheDType = type });

        float[] expected = full.Run([prompt], 0, new AloneSchedule())[0].At(prompt.Length - 1);
        float[] actual = rounded.Run([prompt], 0, new AloneSchedule())[0].At(prompt.Length - 1);

        double difference = expected.Zip(actual, (a, b) => Math.Abs((double)a - b)).Max();
        Assert.InRange(difference, type == "float32" ? 0 : double.Epsilon, tolerance);
    }

    private static int[] Greedy(ModelRun run, int[] prompt, int count) => run.Run([prompt], count, new AloneSchedule())[0].Output;

    private static JsonElement Json(string path) => JsonDocument.Parse(File.ReadAllBytes(SharedData.PathOf(path))).RootElement;

    private static int[] Ints(JsonElement element, string name) => [.. element.GetProperty(name).EnumerateArray().Select(id => id.GetInt32())];

    private static int[] Ids(StoredTensor tensor)
    {
        using MappedRange range = tensor.Map(0, tensor.Bytes);
        return [.. System.Runtime.InteropServices.MemoryMarshal.Cast<byte, long>(range.Span).ToArray().Select(id => (int)id)];
    }

    private static float[] Floats(StoredTensor tensor)
    {
        float[] values = new float[tensor.ElementCount];
        using MappedRange range = tensor.Map(0, tensor.Bytes);
        ElementConversion.ToSingle(range.Span, ElementType.Float32, values);
        return values;
    }
}
