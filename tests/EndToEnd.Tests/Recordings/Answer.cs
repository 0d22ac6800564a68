using System.Text.Json;

namespace KServePaged.EndToEnd.Tests.Recordings;

/// <summary>What two answers must agree in, taken from a whole answer or put together from a stream.</summary>
internal sealed record Answer(IReadOnlyList<Answer.Output> Outputs, string? Usage)
{
    /// <param name="Logprobs">Of the tokens, in order; empty where none were asked for.</param>
    internal sealed record Output(string Text, string? FinishReason, string? StopReason, IReadOnlyList<double> Logprobs);

    public static Answer OfWhole(JsonElement body) => new(
        [.. body.GetProperty("choices").EnumerateArray().OrderBy(choice => choice.GetProperty("index").GetInt32()).Select(choice => Merge([choice]))],
        CountsOf(body));

    /// <param name="events">The events' data without [DONE].</param>
    public static Answer OfEvents(IReadOnlyList<JsonElement> events) => new(
        [
            .. events.SelectMany(e => e.GetProperty("choices").EnumerateArray())
                .GroupBy(choice => choice.GetProperty("index").GetInt32()).OrderBy(group => group.Key).Select(Merge),
        ],
        events.Count > 0 ? CountsOf(events[^1]) : null);

    private static Output Merge(IEnumerable<JsonElement> choices)
    {
        string text = "";
        string? finish = null;
        string? stop = null;
        var logprobs = new List<double>();
        foreach (JsonElement choice in choices)
        {
            text += TextOf(choice);
            finish = StringOf(choice, "finish_reason") ?? finish;
            stop = StringOf(choice, "stop_reason") ?? stop;
            if (choice.TryGetProperty("logprobs", out JsonElement value) && value.ValueKind == JsonValueKind.Object)
            {
                logprobs.AddRange(LogprobsOf(value));
            }
        }
        return new Output(text, finish, stop, logprobs);
    }

    private static string TextOf(JsonElement choice) =>
        choice.TryGetProperty("text", out JsonElement text) ? text.GetString() ?? ""
        : choice.GetProperty(choice.TryGetProperty("message", out _) ? "message" : "delta").TryGetProperty("content", out JsonElement content) ? content.GetString() ?? ""
        : "";

    private static IEnumerable<double> LogprobsOf(JsonElement logprobs) => logprobs.TryGetProperty("token_logprobs", out JsonElement list)
        ? list.EnumerateArray().Select(value => value.ValueKind == JsonValueKind.Number ? value.GetDouble() : 0)
        : logprobs.GetProperty("content").EnumerateArray().Select(token => token.GetProperty("logprob").GetDouble());

    private static string? StringOf(JsonElement choice, string name) =>
        choice.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value.ToString() : null;

    private static string? CountsOf(JsonElement body) => body.TryGetProperty("usage", out JsonElement usage) && usage.ValueKind == JsonValueKind.Object
        ? $"{usage.GetProperty("prompt_tokens")} + {usage.GetProperty("completion_tokens")} = {usage.GetProperty("total_tokens")}"
        : null;
}
