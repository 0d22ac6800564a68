using System.Text;
using System.Text.Json;

namespace KServePaged.Serving.Load;

/// <summary>When the tokens of an answer came.</summary>
/// <param name="Request">What was asked.</param>
/// <param name="Started">Start of the request.</param>
/// <param name="Ended">End of the answer.</param>
/// <param name="TokenTimes">Arrival of each event with text. There may be fewer than tokens: a token that ends within a character waits for the next.</param>
/// <param name="Tokens">Tokens of the answer, as its usage says.</param>
internal sealed record AnswerTiming(LoadRequest Request, double Started, double Ended, IReadOnlyList<double> TokenTimes, int Tokens)
{
    private static ReadOnlySpan<byte> Data => "data:"u8;

    public double FirstToken => TokenTimes[0] - Started;

    public double EndToEnd => Ended - Started;

    /// <summary>Mean time of a token after the first; NaN for an answer of one.</summary>
    public double PerToken => Tokens > 1 ? (TokenTimes[^1] - TokenTimes[0]) / (Tokens - 1) : double.NaN;

    /// <exception cref="BenchException">The answer is not what was asked for.</exception>
    public static AnswerTiming Read(LoadRequest request, RecordedAnswer answer)
    {
        ReadOnlySpan<byte> bytes = answer.Bytes.Span;
        if (answer.Status != 200 || answer.Failure is not null)
        {
            string text = Encoding.UTF8.GetString(bytes[..Math.Min(bytes.Length, 300)]);
            throw new BenchException(answer.Failure ?? $"status {answer.Status}: {text}");
        }
        var times = new List<double>();
        int? tokens = null;
        for (int at = 0; at < bytes.Length;)
        {
            int length = bytes[at..].IndexOf((byte)'\n');
            int end = length < 0 ? bytes.Length : at + length;
            ReadOnlySpan<byte> line = bytes[at..end].Trim(" \r"u8);
            if (line.StartsWith(Data) && line[Data.Length..].Trim((byte)' ') is var data && !data.SequenceEqual("[DONE]"u8))
            {
                if (ReadEvent(data, ref tokens))
                {
                    times.Add(answer.ArrivalOf(Math.Min(end, bytes.Length - 1)));
                }
            }
            at = end + 1;
        }
        return Checked(new AnswerTiming(request, answer.Started, answer.Ended, times, tokens ?? throw new BenchException("an answer without usage: how many tokens it has is unknown")));
    }

    private static AnswerTiming Checked(AnswerTiming answer)
    {
        if (answer.Tokens != answer.Request.OutputTokens)
        {
            throw new BenchException($"an answer has {answer.Tokens} tokens instead of {answer.Request.OutputTokens}");
        }
        return answer.TokenTimes.Count > 0 ? answer : throw new BenchException($"an answer of {answer.Tokens} tokens without text");
    }

    // Whether the event has text. Usage may come with it or in an event of its own.
    private static bool ReadEvent(ReadOnlySpan<byte> data, ref int? tokens)
    {
        var reader = new Utf8JsonReader(data);
        using JsonDocument document = JsonDocument.ParseValue(ref reader);
        JsonElement root = document.RootElement;
        if (root.TryGetProperty("error", out JsonElement error))
        {
            throw new BenchException($"an answer ended with an error: {error.GetRawText()}");
        }
        if (root.TryGetProperty("usage", out JsonElement usage) && usage.ValueKind == JsonValueKind.Object)
        {
            tokens = usage.GetProperty("completion_tokens").GetInt32();
        }
        return root.TryGetProperty("choices", out JsonElement choices) && choices.GetArrayLength() > 0
            && choices[0].TryGetProperty("text", out JsonElement text) && text.GetString() is { Length: > 0 };
    }
}
