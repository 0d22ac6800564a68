using System.Text.Json;

namespace KServePaged.Gpu.Engine;

/// <summary>What a point took.</summary>
/// <param name="Seconds">From the first request to the end of the last answer.</param>
/// <param name="FirstTokenSeconds">Median over the requests.</param>
/// <param name="TokenSeconds">Mean time of a token after the first.</param>
/// <param name="LeastSeconds">That the ceilings allow; null where they are unknown.</param>
/// <param name="LeastTokenSeconds">Likewise, of a decode step at the middle of the output.</param>
internal sealed record EngineFigure(
    string Model, EnginePoint Point, double Seconds, double FirstTokenSeconds, double TokenSeconds, double? LeastSeconds, double? LeastTokenSeconds)
{
    public double OutputRate => Point.Streams * Point.OutputTokens / Seconds;

    public string ToJson()
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            WriteNames(json, Model, Point);
            Write(json, "seconds", Seconds, 4);
            Write(json, "output_tokens_per_s", OutputRate, 1);
            Write(json, "first_token_ms", FirstTokenSeconds * 1e3, 2);
            Write(json, "token_ms", TokenSeconds * 1e3, 3);
            if (LeastSeconds is { } least && LeastTokenSeconds is { } leastToken)
            {
                Write(json, "ceiling_tokens_per_s", Point.Streams * Point.OutputTokens / least, 1);
                Write(json, "share", least / Seconds, 4);
                Write(json, "least_token_ms", leastToken * 1e3, 3);
            }
            json.WriteEndObject();
        }
        return System.Text.Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    /// <summary>A point that was left out.</summary>
    public static string Skipped(string model, EnginePoint point, string reason)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            WriteNames(json, model, point);
            json.WriteString("skipped", reason);
            json.WriteEndObject();
        }
        return System.Text.Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    private static void WriteNames(Utf8JsonWriter json, string model, EnginePoint point)
    {
        json.WriteString("model", model);
        json.WriteNumber("in", point.PromptTokens);
        json.WriteNumber("out", point.OutputTokens);
        json.WriteNumber("streams", point.Streams);
    }

    private static void Write(Utf8JsonWriter json, string name, double value, int digits) =>
        json.WriteNumber(name, double.IsFinite(value) ? Math.Round(value, digits) : 0);
}
