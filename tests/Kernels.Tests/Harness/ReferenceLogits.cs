using System.Text.Json;
using KServePaged.TestSupport;

namespace KServePaged.Kernels.Tests.Harness;

/// <summary>golden/sampling/logits_processing.json: vLLM's own sampler on generated logits (see README-quantized.md beside it).</summary>
internal static class ReferenceLogits
{
    private static readonly Lazy<JsonDocument> Document = new(
        () => JsonDocument.Parse(File.ReadAllBytes(SharedData.PathOf("golden/sampling/logits_processing.json"))));

    public static JsonElement Root => Document.Value.RootElement;

    /// <summary>Logits by name, made by the file's formula.</summary>
    public static float[] Generate(string name)
    {
        JsonElement parameters = Root.GetProperty("logits").GetProperty(name);
        int vocabulary = parameters.GetProperty("vocab").GetInt32();
        double scale = parameters.GetProperty("scale").GetDouble();
        double resolution = Math.ScaleB(1, parameters.GetProperty("res").GetInt32());
        uint seed = parameters.GetProperty("seed").GetUInt32();
        float[] logits = new float[vocabulary];
        for (int i = 0; i < vocabulary; i++)
        {
            double sum = 0;
            for (uint j = 0; j < 4; j++)
            {
                sum += (Hash((uint)i, (4 * seed) + j) >> 8) / 16777216.0;
            }
            logits[i] = (float)(Math.Floor((scale * (sum - 2) * resolution) + 0.5) / resolution);
        }
        if (parameters.TryGetProperty("set", out JsonElement overrides))
        {
            foreach (JsonElement pair in overrides.EnumerateArray())
            {
                logits[pair[0].GetInt32()] = pair[1].GetSingle();
            }
        }
        return logits;
    }

    private static uint Hash(uint i, uint s)
    {
        uint x = (i * 2654435761) + (s * 40503);
        x ^= x >> 16;
        x *= 0x85EBCA6B;
        x ^= x >> 13;
        x *= 0xC2B2AE35;
        return x ^ (x >> 16);
    }
}
