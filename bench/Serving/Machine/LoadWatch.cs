namespace KServePaged.Serving.Machine;

/// <summary>How many cores were busy over a time with something that is not part of the measurement.</summary>
/// <param name="ours">Processes that are part of it, beside this one.</param>
internal sealed class LoadWatch(params int[] ours)
{
    private readonly double _began = ProcessorClock.Now();
    private readonly double _machine = ProcessorClock.Machine();
    private readonly double _own = Own(ours);
    private readonly double _client = ProcessorClock.Own();

    public double Seconds => ProcessorClock.Now() - _began;

    /// <summary>Cores that others used, steal included.</summary>
    /// <param name="startedSince">Processes that are part of the measurement and did not run at its start.</param>
    public double ForeignCores(params int[] startedSince) => Math.Max(0, ProcessorClock.Machine() - _machine - (Own([.. ours, .. startedSince]) - _own)) / Seconds;

    /// <summary>Cores that this process, the measuring client, used.</summary>
    public double ClientCores() => (ProcessorClock.Own() - _client) / Seconds;

    private static double Own(int[] processes) => ProcessorClock.Own() + ProcessorClock.EndedChildren() + processes.Sum(ProcessorClock.Of);
}
