using System.Text;
using KServePaged.Engine.Contracts;

namespace KServePaged.Predictor.Telemetry.Requests;

/// <summary>What one generation was asked and what it did, gathered from its deltas. One reader's thread at a time.</summary>
/// <param name="contentLength">Most characters kept of the prompt and of the outputs; null = none are kept.</param>
internal sealed class GenerationRecord(string model, GenerationRequest request, DateTimeOffset arrivedAt, int? contentLength)
{
    private readonly FinishReason?[] _finish = new FinishReason?[Math.Clamp(request.OutputCount, 0, 1 << 16)];
    private readonly StringBuilder? _output = contentLength is null ? null : new StringBuilder();
    private string _prompt = "";

    public string Model => model;

    public GenerationRequest Request => request;

    public DateTimeOffset ArrivedAt => arrivedAt;

    /// <summary>Null = it was refused.</summary>
    public DateTimeOffset? AcceptedAt { get; private set; }

    public DateTimeOffset EndedAt { get; private set; }

    public TimeSpan QueueTime { get; private set; }

    /// <summary>Null = no token came.</summary>
    public TimeSpan? PrefillTime { get; private set; }

    public TimeSpan DecodeTime { get; private set; }

    public Usage Usage { get; private set; }

    /// <summary>What it threw; null where it ended, or its reader left.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>From arrival to the first token; null = none came.</summary>
    public TimeSpan? FirstTokenTime => PrefillTime is { } prefill && AcceptedAt is { } accepted ? accepted - arrivedAt + QueueTime + prefill : null;

    /// <summary>One for each output, in vLLM's words.</summary>
    public IEnumerable<string> FinishReasons => Failure is not null ? ["error"] : _finish.Select(reason => reason switch
    {
        FinishReason.Stop => "stop",
        FinishReason.Length => "length",
        FinishReason.Error => "error",
        _ => "abort", // the reader left before its end
    });

    public (string Prompt, string Output)? Contents => _output is null ? null : (_prompt, _output.ToString());

    public void Add(GenerationDelta delta)
    {
        Usage = delta.Usage;
        if (delta.IsStart)
        {
            AcceptedAt = delta.AcceptedAt ?? arrivedAt;
            _prompt = Cut(delta.PromptText ?? "", contentLength ?? 0);
            return;
        }
        QueueTime = delta.QueueTime;
        DecodeTime = delta.DecodeTime;
        PrefillTime ??= delta.TokenIds.Count > 0 ? delta.PrefillTime : null;
        _finish[delta.OutputIndex] = delta.FinishReason ?? _finish[delta.OutputIndex];
        _output?.Append(Cut(delta.Text, contentLength!.Value - _output.Length)); // there are outputs to keep only with a length
    }

    public void End(DateTimeOffset now) => EndedAt = now;

    public void Fail(Exception failure) => Failure = failure;

    private static string Cut(string text, int most) => text.Length <= most ? text : text[..Math.Max(most, 0)];
}
