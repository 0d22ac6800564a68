using System.Text.Json;
using System.Text.RegularExpressions;

namespace KServePaged.Predictor.Tests.Protocols.OpenAI;

/// <summary>Looks into OpenAI answers.</summary>
internal static partial class Answers
{
    /// <summary>The JSON with what changes from run to run masked.</summary>
    public static string Masked(string json) => Fingerprint().Replace(Created().Replace(json, "\"created\":0"), "\"system_fingerprint\":\"*\"");

    public static string Masked(JsonElement json) => Masked(json.GetRawText());

    public static string? Member(string json, string name) =>
        JsonDocument.Parse(json).RootElement.TryGetProperty(name, out JsonElement value) ? value.GetRawText() : null;

    public static JsonElement ChoiceOf(string json) => JsonDocument.Parse(json).RootElement.GetProperty("choices")[0];

    /// <summary>The text of a choice, put together from its events.</summary>
    public static string TextOf(IEnumerable<string> events, int index) => string.Concat(ChoicesOf(events, index).Select(choice =>
        choice.TryGetProperty("text", out JsonElement text) ? text.GetString()
        : choice.GetProperty("delta").TryGetProperty("content", out JsonElement content) ? content.GetString() : ""));

    public static string? FinishOf(IEnumerable<string> events, int index) =>
        ChoicesOf(events, index).Select(choice => choice.GetProperty("finish_reason").GetString()).Single(reason => reason is not null);

    private static IEnumerable<JsonElement> ChoicesOf(IEnumerable<string> events, int index) => events
        .Where(data => data != "[DONE]")
        .SelectMany(data => JsonDocument.Parse(data).RootElement.GetProperty("choices").EnumerateArray())
        .Where(choice => choice.GetProperty("index").GetInt32() == index);

    [GeneratedRegex("\"created\":\\d+")]
    private static partial Regex Created();

    [GeneratedRegex("\"system_fingerprint\":\"kservepaged-[0-9.]+-[0-9a-f]{8}\"")]
    private static partial Regex Fingerprint();
}
