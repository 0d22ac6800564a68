using System.Text.Json;
using KServePaged.Engine.Kernels;
using KServePaged.Engine.Models;
using KServePaged.Engine.Weights;
using KServePaged.TestSupport;

namespace KServePaged.Engine.Tests.Models;

/// <summary>A tiny checkpoint with Hugging Face's float64 results: shared/data/golden/models/NAME.</summary>
internal sealed class GoldenCheckpoint
{
    private static readonly string[] SupportedRopeTypes = ["default", "linear", "llama3"];

    private readonly JsonElement _golden;
    private readonly Dictionary<string, float[]> _stored = [];

    public GoldenCheckpoint(string name)
    {
        Directory = SharedData.PathOf($"golden/models/{name}");
        _golden = Json(Path.Combine(Directory, "golden.json"));
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(Directory, "golden.safetensors"));
        foreach (StoredTensor tensor in file.Tensors.Where(tensor => tensor.Type == StoredType.F32))
        {
            float[] values = new float[tensor.ElementCount];
            using MappedRange range = tensor.Map(0, tensor.Bytes);
            ElementConversion.ToSingle(range.Span, ElementType.Float32, values);
            _stored[tensor.Name] = values;
        }
        Prompts = [.. _golden.GetProperty("prompts").EnumerateArray().Select(prompt => Ints(prompt, "ids"))];
        Greedy = [.. _golden.GetProperty("prompts").EnumerateArray().Select(prompt => Ints(prompt, "greedy"))];
    }

    public string Directory { get; }

    public double Tolerance => _golden.GetProperty("tolerance_fp32").GetDouble();

    public int ColumnStride => _golden.GetProperty("logit_column_stride").GetInt32();

    public int[][] Prompts { get; }

    public int[][] Greedy { get; }

    /// <summary>The checkpoints of supported families; one row that makes the tests skip where there is no reference data.</summary>
    public static TheoryData<string> Supported => Names(supported: true);

    /// <summary>Causal models that must be refused.</summary>
    public static TheoryData<string> Unsupported => Names(supported: false);

    public float[] Stored(string name) => _stored[name];

    /// <summary>Per step of prompt 1: the five best ids with their log-probabilities.</summary>
    public (int Id, double Logprob)[][] TopLogprobs => [.. _golden.GetProperty("prompts")[1].GetProperty("greedy_top5_logprobs").EnumerateArray()
        .Select(step => step.EnumerateArray().Select(pair => (pair[0].GetInt32(), pair[1].GetDouble())).ToArray())];

    /// <summary>Largest difference of prompt <paramref name="k"/>'s last logits from the stored ones.</summary>
    public double DistanceAtTheEnd(int k, Trace trace) => Distance(Stored($"last_logits.{k}"), trace.At(Prompts[k].Length - 1));

    /// <summary>The same over all positions of prompt 2.</summary>
    public double DistanceEverywhere(Trace trace)
    {
        float[] stored = Stored("all_positions_logits.2");
        int columns = stored.Length / Prompts[2].Length;
        return Enumerable.Range(0, Prompts[2].Length).Max(position => Distance(
            stored.AsSpan(position * columns, columns).ToArray(),
            [.. Enumerable.Range(0, columns).Select(column => trace.At(position)[column * ColumnStride])]));
    }

    private static double Distance(float[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        return expected.Zip(actual, (a, b) => Math.Abs((double)a - b)).Max();
    }

    private static TheoryData<string> Names(bool supported)
    {
        if (!SharedData.IsPresent)
        {
            return ["(no reference data)"];
        }
        string root = SharedData.PathOf("golden/models");
        string[] names = [.. System.IO.Directory.EnumerateDirectories(root).Where(IsCausal).Where(path => IsSupported(path) == supported)
            .Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];
        return names.Length > 0 ? [.. names] : ["(no such checkpoint)"];
    }

    private static bool IsCausal(string directory) => Json(Path.Combine(directory, "golden.json")).GetProperty("kind").GetString() == "causal";

    // Read from the files, not asked of the code under test: a family that it refuses by mistake must fail, not vanish.
    private static bool IsSupported(string directory)
    {
        JsonElement config = Json(Path.Combine(directory, "config.json"));
        string? rope = config.TryGetProperty("rope_scaling", out JsonElement scaling) && scaling.ValueKind == JsonValueKind.Object
            ? (scaling.TryGetProperty("rope_type", out JsonElement type) ? type : scaling.GetProperty("type")).GetString()
            : "default";
        return ModelRegistry.Names.Contains(config.GetProperty("architectures")[0].GetString()) && SupportedRopeTypes.Contains(rope);
    }

    private static JsonElement Json(string path) => JsonDocument.Parse(File.ReadAllBytes(path)).RootElement;

    private static int[] Ints(JsonElement element, string name) => [.. element.GetProperty(name).EnumerateArray().Select(id => id.GetInt32())];
}
