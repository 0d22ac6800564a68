using System.Text.Json;

namespace KServePaged.Predictor.Tests.Protocols.Recorded;

/// <summary>What KServe's and Triton's clients read in the answer to an infer request; without it they fail (wire-observed §1).</summary>
internal static class InferAnswers
{
    public static void Check(string name, JsonElement request, Http1Answer answer)
    {
        JsonElement json = answer.Json;
        Assert.All(new[] { "model_name", "outputs", "id" }, field => Assert.True(json.TryGetProperty(field, out _), $"{name}: no {field}"));
        if (request.TryGetProperty("id", out JsonElement id) && id.ValueKind == JsonValueKind.String)
        {
            Assert.Equal(id.GetString(), json.GetProperty("id").GetString());
        }
        JsonElement[] outputs = [.. json.GetProperty("outputs").EnumerateArray()];
        if (request.TryGetProperty("outputs", out JsonElement wanted) && wanted.GetArrayLength() > 0)
        {
            Assert.Equal(wanted.EnumerateArray().Select(output => output.GetProperty("name").GetString()), outputs.Select(output => output.GetProperty("name").GetString()));
        }
        long binary = 0;
        foreach (JsonElement output in outputs)
        {
            Assert.True(output.TryGetProperty("datatype", out _) && output.TryGetProperty("shape", out _), name);
            bool isBinary = !output.TryGetProperty("data", out _);
            Assert.True(isBinary == IsBinaryWanted(request, output.GetProperty("name").GetString()!), $"{name}: {output} is binary: {isBinary}");
            binary += isBinary ? output.GetProperty("parameters").GetProperty("binary_data_size").GetInt64() : 0;
        }
        Assert.True(answer.HeaderLength is not null == binary > 0, $"{name}: the header comes exactly when a binary part does");
        Assert.True(answer.Body.Length == (answer.HeaderLength ?? answer.Body.Length) + binary, $"{name}: {binary} bytes of tensors");
    }

    private static bool IsBinaryWanted(JsonElement request, string output)
    {
        bool byDefault = request.TryGetProperty("parameters", out JsonElement parameters) && Flag(parameters, "binary_data_output") == true;
        if (!request.TryGetProperty("outputs", out JsonElement outputs))
        {
            return byDefault;
        }
        JsonElement named = outputs.EnumerateArray().FirstOrDefault(item => item.GetProperty("name").GetString() == output);
        return named.ValueKind == JsonValueKind.Object && named.TryGetProperty("parameters", out JsonElement own) ? Flag(own, "binary_data") ?? byDefault : byDefault;
    }

    private static bool? Flag(JsonElement parameters, string name) =>
        parameters.ValueKind == JsonValueKind.Object && parameters.TryGetProperty(name, out JsonElement value) ? value.GetBoolean() : null;
}
