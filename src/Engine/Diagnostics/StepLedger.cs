namespace KServePaged.Engine.Diagnostics;

/// <summary>What all steps so far were made of, and who waits: a snapshot taken after a step.</summary>
/// <param name="ScheduleSeconds">Taking the mail and planning.</param>
/// <param name="ExecuteSeconds">The model and the sampler.</param>
/// <param name="PublishSeconds">Committing and handing out tokens.</param>
/// <param name="PrefillTokens">Prompt tokens computed for the first time.</param>
/// <param name="DecodeTokens">Generated tokens computed for the first time.</param>
/// <param name="RecomputedTokens">Tokens computed again, because a preemption had taken their blocks.</param>
/// <param name="DeferredSequences">Of the waiting: those whose prompt another output of the same request is computing.</param>
/// <param name="OldestQueuedAt">When the one that waits longest for its first step was accepted, in timestamps; null = none waits.</param>
internal readonly record struct StepLedger(
    double ScheduleSeconds,
    double ExecuteSeconds,
    double PublishSeconds,
    long PrefillTokens,
    long DecodeTokens,
    long RecomputedTokens,
    int DeferredSequences,
    long? OldestQueuedAt)
{
    public double TotalSeconds => ScheduleSeconds + ExecuteSeconds + PublishSeconds;
}
