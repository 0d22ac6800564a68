namespace KServePaged.Engine.Scheduling;

/// <summary>A sequence's part in one step: tokens [Start, Start + TokenCount) are computed.</summary>
/// <param name="Start">First position computed in this step (= ComputedLength when the step was planned).</param>
/// <param name="TokenCount">At least 1.</param>
/// <param name="LogitCount">
/// Logits are wanted after the last LogitCount of these tokens: 0 for a prompt chunk in the middle, 1 where a token is sampled, more
/// where the prompt is scored.
/// </param>
/// <param name="Samples">The last logit row draws the next token; the other rows score the prompt token that follows them.</param>
/// <param name="FedFrom">
/// At least 0: its one token is not known yet, but is what that logit row of the step before draws. -1: all its tokens are the sequence's.
/// </param>
internal readonly record struct ScheduledSequence(Sequence Sequence, int Start, int TokenCount, int LogitCount, bool Samples, int FedFrom = -1);
