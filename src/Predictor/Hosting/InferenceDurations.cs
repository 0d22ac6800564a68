namespace KServePaged.Predictor.Hosting;

/// <summary>How often something happened, and how long it took in all.</summary>
internal readonly record struct InferenceDurations(ulong Count, ulong Nanoseconds)
{
    public InferenceDurations Plus(TimeSpan? once) => once is { } time ? new(Count + 1, Nanoseconds + (ulong)time.Ticks * TimeSpan.NanosecondsPerTick) : this;
}
