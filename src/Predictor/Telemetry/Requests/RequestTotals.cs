using KServePaged.Engine.Contracts;

namespace KServePaged.Predictor.Telemetry.Requests;

/// <summary>The generations of one request together: several prompts, or the many requests of a gRPC stream.</summary>
/// <param name="FirstTokenTime">Of the generation that waited longest, from its arrival to its first token; null = none came.</param>
/// <param name="FinishReasons">Each reason once.</param>
/// <param name="Contents">Prompt and outputs of the first generation; null unless they are to be logged.</param>
internal sealed record RequestTotals(
    int Generations = 0, long PromptTokens = 0, long CachedTokens = 0, long CompletionTokens = 0, TimeSpan QueueTime = default, TimeSpan? FirstTokenTime = null,
    string FinishReasons = "", (string Prompt, string Output)? Contents = null)
{
    public RequestTotals Plus(GenerationRecord one) => new(
        Generations + 1,
        PromptTokens + one.Usage.PromptTokens,
        CachedTokens + one.Usage.CachedPromptTokens,
        CompletionTokens + one.Usage.CompletionTokens,
        QueueTime > one.QueueTime ? QueueTime : one.QueueTime,
        FirstTokenTime > one.FirstTokenTime ? FirstTokenTime : one.FirstTokenTime ?? FirstTokenTime,
        one.FinishReasons.Aggregate(FinishReasons, (seen, reason) => seen.Split(',').Contains(reason) ? seen : seen.Length == 0 ? reason : $"{seen},{reason}"),
        Contents ?? one.Contents);
}
