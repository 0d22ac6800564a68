using System.Text.Json;
using KServePaged.TestSupport;

namespace KServePaged.EndToEnd.Tests.Recordings;

/// <summary>
/// vLLM's recorded requests sent to the real server: the same text, finish reason and usage where the record is deterministic, a 4xx
/// where vLLM gave one. What differs on purpose stands in docs/openai-differences.md, and only there.
/// </summary>
public sealed class RecordingTests
{
    private const double LogprobTolerance = 2e-3;

    /// <summary>Routes that exist here; the rest of vLLM's routes are not compared.</summary>
    private static readonly string[] Routes = ["/v1/completions", "/v1/chat/completions", "/v1/models", "/health", "/ping", "/version", "/metrics"];

    [Theory]
    [InlineData("named", "stories260K", "--served-model-name stories stories-alias --chat-template TEMPLATE")]
    [InlineData("default", "stories260K", "--api-key sk-secret-1 sk-secret-2")]
    [InlineData("tiny", "tiny-random-llama", "--served-model-name tiny")]
    public async Task Recorded_Answers_AreReproduced(string server, string model, string flags)
    {
        IReadOnlyList<Recording> recordings = [.. Recording.Read(server).Where(recording => Routes.Contains(recording.Path))];
        string template = SharedData.PathOf("vllm/chat_template.jinja");
        string[] arguments = [$"--model_dir={SharedData.PathOf("models/" + model)}", "--dtype=float32", .. flags.Replace("TEMPLATE", template, StringComparison.Ordinal).Split(' ')];
        await using ServerProcess process = await ServerProcess.StartAsync(arguments);
        var known = new KnownDifferences(await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs/openai-differences.md"), TestContext.Current.CancellationToken));
        var unexpected = new List<string>();
        int same = 0;
        int onPurpose = 0;
        foreach (Recording recording in recordings)
        {
            string? difference = await CompareAsync(process.Http, recording);
            if (difference is null)
            {
                same++;
            }
            else if (known.Covers(recording.Name))
            {
                onPurpose++;
            }
            else
            {
                unexpected.Add($"{recording.Name}: {difference}");
            }
        }
        unexpected.AddRange(known.Stale(server).Select(pattern => $"docs/openai-differences.md lists `{pattern}`, which no longer differs"));
        TestContext.Current.TestOutputHelper?.WriteLine($"{server}: {recordings.Count} records, {same} the same, {onPurpose} different on purpose, {unexpected.Count} unexpected");
        Assert.True(unexpected.Count == 0, $"{server}: {same} of {recordings.Count} the same, {onPurpose} on purpose, and:\n" + string.Join('\n', unexpected));
    }

    private static async Task<string?> CompareAsync(HttpClient http, Recording recording)
    {
        using HttpRequestMessage request = recording.ToMessage();
        using HttpResponseMessage response = await http.SendAsync(request, TestContext.Current.CancellationToken);
        string text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        int status = (int)response.StatusCode;
        if (status / 100 != recording.Status / 100)
        {
            return $"status {status} instead of {recording.Status}: {(text.Length > 200 ? text[..200] : text)}";
        }
        if (status >= 400 || !HasChoices(recording))
        {
            return null;
        }
        return Compare(recording, text);
    }

    private static bool HasChoices(Recording recording) =>
        recording.IsStream || (recording.Response.TryGetProperty("body", out JsonElement body) && body.ValueKind == JsonValueKind.Object && body.TryGetProperty("choices", out _));

    private static string? Compare(Recording recording, string text)
    {
        Answer expected;
        Answer actual;
        if (recording.IsStream)
        {
            if (!text.EndsWith("data: [DONE]\n\n", StringComparison.Ordinal))
            {
                return "the stream does not end with [DONE]";
            }
            expected = Answer.OfEvents([.. recording.Response.GetProperty("events").EnumerateArray().Select(e => e.GetProperty("data")).Where(e => e.ValueKind == JsonValueKind.Object)]);
            actual = Answer.OfEvents([.. text.Split("\n\n").Where(e => e.StartsWith("data: {", StringComparison.Ordinal)).Select(e => JsonDocument.Parse(e["data: ".Length..]).RootElement)]);
        }
        else
        {
            expected = Answer.OfWhole(recording.Response.GetProperty("body"));
            actual = Answer.OfWhole(JsonDocument.Parse(text).RootElement);
        }
        if (expected.Outputs.Count != actual.Outputs.Count)
        {
            return $"{actual.Outputs.Count} choices instead of {expected.Outputs.Count}";
        }
        if (!recording.Deterministic)
        {
            return null;
        }
        if (expected.Usage != actual.Usage)
        {
            return $"usage {actual.Usage} instead of {expected.Usage}";
        }
        return expected.Outputs.Zip(actual.Outputs).Select(pair => Compare(pair.First, pair.Second)).FirstOrDefault(difference => difference is not null);
    }

    private static string? Compare(Answer.Output expected, Answer.Output actual)
    {
        if (expected.Text != actual.Text)
        {
            return $"text {JsonSerializer.Serialize(actual.Text)} instead of {JsonSerializer.Serialize(expected.Text)}";
        }
        if ((expected.FinishReason, expected.StopReason) != (actual.FinishReason, actual.StopReason))
        {
            return $"finish {actual.FinishReason}/{actual.StopReason} instead of {expected.FinishReason}/{expected.StopReason}";
        }
        if (expected.Logprobs.Count != actual.Logprobs.Count || expected.Logprobs.Zip(actual.Logprobs).Any(pair => Math.Abs(pair.First - pair.Second) > LogprobTolerance))
        {
            return $"logprobs {string.Join(' ', actual.Logprobs)} instead of {string.Join(' ', expected.Logprobs)}";
        }
        return null;
    }
}
