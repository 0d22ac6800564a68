namespace KServePaged.Serving.Machine;

/// <summary>Waits for a machine on which nobody else works.</summary>
/// <param name="ForeignCores">Bound for what others may use, in cores.</param>
/// <param name="Patience">How long to wait at most; the measurement then takes place all the same, and says what disturbed it.</param>
internal sealed record QuietMachine(double ForeignCores, TimeSpan Patience)
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(1);

    /// <param name="ours">Processes whose work does not count.</param>
    /// <returns>Whether the machine became quiet.</returns>
    public async Task<bool> WaitAsync(params int[] ours)
    {
        double end = ProcessorClock.Now() + Patience.TotalSeconds;
        do
        {
            var watch = new LoadWatch(ours);
            await Task.Delay(Window);
            if (watch.ForeignCores() <= ForeignCores)
            {
                return true;
            }
        }
        while (ProcessorClock.Now() < end);
        return false;
    }
}
