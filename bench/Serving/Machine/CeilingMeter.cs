namespace KServePaged.Serving.Machine;

/// <summary>Measures the machine's ceilings while nobody else works.</summary>
/// <param name="program">Path of <c>machine_ceilings</c>.</param>
/// <param name="quiet">The machine's state to wait for.</param>
/// <param name="tries">For a measurement in which others worked.</param>
internal sealed class CeilingMeter(string program, QuietMachine quiet, int tries)
{
    /// <param name="ours">Processes that may be there: a server that idles.</param>
    public async Task<Ceilings> MeasureAsync(params int[] ours)
    {
        for (int attempt = 1; ; attempt++)
        {
            await quiet.WaitAsync(ours);
            var watch = new LoadWatch(ours);
            Ceilings ceilings = await Ceilings.MeasureAsync(program);
            if (watch.ForeignCores() <= quiet.ForeignCores || attempt == tries)
            {
                return ceilings;
            }
        }
    }
}
