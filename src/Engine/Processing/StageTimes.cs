namespace KServePaged.Engine.Processing;

/// <summary>How long the stages of a request took so far.</summary>
internal readonly record struct StageTimes(TimeSpan Queue, TimeSpan Prefill, TimeSpan Decode);
