using System.Text.Json;
using System.Text.Json.Serialization;

namespace KServePaged.Serving.Report;

/// <summary>Results as JSON lines, one appended as soon as it is there: an interrupted run goes on where it was.</summary>
internal sealed class ResultFile(string path)
{
    /// <summary>The last result of each server at each point in each round.</summary>
    public IReadOnlyList<RunResult> Read() => !File.Exists(path)
        ? []
        : [.. File.ReadLines(path).Where(line => line.Length > 0).Select(Parse).GroupBy(result => result.Key).Select(group => group.Last())];

    public void Append(RunResult result) => File.AppendAllText(path, JsonSerializer.Serialize(result, ResultJson.Default.RunResult) + "\n");

    private RunResult Parse(string line, int index)
    {
        try
        {
            return JsonSerializer.Deserialize(line, ResultJson.Default.RunResult) ?? throw new JsonException("null");
        }
        catch (JsonException e)
        {
            throw new BenchException($"{path}, line {index + 1} is no result: {e.Message}");
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(RunResult))]
internal sealed partial class ResultJson : JsonSerializerContext;
