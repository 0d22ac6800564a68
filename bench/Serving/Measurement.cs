using KServePaged.Serving.Load;
using KServePaged.Serving.Machine;
using KServePaged.Serving.Report;
using KServePaged.Serving.Servers;

namespace KServePaged.Serving;

/// <summary>One server at one point: started afresh, warmed up, measured while nobody else works, and ended.</summary>
/// <param name="Spec">What to measure.</param>
/// <param name="Server">Its name.</param>
/// <param name="Command">How to start it on a port.</param>
/// <param name="Quiet">The machine's state to wait for.</param>
/// <param name="Meter">For the machine's ceilings, right before and after the load: on a shared host memory's rate doubles or halves within minutes.</param>
/// <param name="Tries">For a run in which others worked.</param>
internal sealed record Measurement(PointSpec Spec, string Server, Func<int, string[]> Command, QuietMachine Quiet, CeilingMeter Meter, int Tries)
{
    private const int Starts = 5;
    private const int WarmUps = 2;
    private const int FirstSeed = 42;
    private const int WarmUpSeed = 7_000;
    private const int BusySeed = 8_000; // other prompts than before: the prefix cache shall not help

    /// <summary>The least disturbed of as many tries as it takes.</summary>
    public async Task<RunResult> RunAsync(RunResult blank)
    {
        RunResult? best = null;
        for (int attempt = 0; attempt < Tries && best is not { Disturbed: false }; attempt++)
        {
            RunResult result = Spec.Load.Requests == 0 ? await MeasureStartsAsync(blank) : await MeasureLoadAsync(blank);
            result = result with { Disturbed = result.ForeignCores > Quiet.ForeignCores };
            best = best is null || result.ForeignCores < best.ForeignCores ? result : best;
        }
        return best!; // there is at least one try
    }

    // The first one warms the page cache.
    private async Task<RunResult> MeasureStartsAsync(RunResult blank)
    {
        var seconds = new List<double>();
        double foreign = 0;
        RunResult result = blank;
        for (int start = -1; start < Starts; start++)
        {
            await Quiet.WaitAsync();
            var watch = new LoadWatch();
            await using ServerProcess server = await ServerProcess.StartAsync(Server, Command);
            if (start >= 0)
            {
                seconds.Add(server.StartSeconds);
                foreign += watch.ForeignCores(server.ProcessId) / Starts;
                result = WithMemory(result, server);
            }
        }
        return result with { StartSeconds = Distribution.Median(seconds), ForeignCores = foreign };
    }

    private async Task<RunResult> MeasureLoadAsync(RunResult blank)
    {
        await using ServerProcess server = await ServerProcess.StartAsync(Server, Command);
        using var client = new StreamClient(server.Port);
        try
        {
            _ = await DriveAsync(client, Spec.Load with { Streams = 1, Requests = WarmUps, Rate = 0 }, WarmUpSeed);
            RunResult result = WithMemory(await WatchAsync(client, server, null, blank, FirstSeed + blank.Round), server);
            if (Spec.Load.BesideBusyLoop)
            {
                using var loop = new BusyLoop();
                RunResult beside = await WatchAsync(client, server, loop, blank, BusySeed + blank.Round);
                result = result with { RateKept = beside.OutputRate / result.OutputRate, ForeignCores = Math.Max(result.ForeignCores, beside.ForeignCores) };
            }
            return result with { StartSeconds = server.StartSeconds };
        }
        catch (BenchException)
        {
            await server.ThrowIfEndingAsync(); // its last words say more than what the client saw
            throw;
        }
    }

    private async Task<RunResult> WatchAsync(StreamClient client, ServerProcess server, BusyLoop? loop, RunResult blank, int seed)
    {
        int[] ours = loop is null ? [server.ProcessId] : [server.ProcessId, loop.ProcessId];
        Ceilings? before = loop is null ? await Meter.MeasureAsync(ours) : null;
        await Quiet.WaitAsync(ours);
        var watch = new LoadWatch(ours);
        IReadOnlyList<AnswerTiming> answers = await DriveAsync(client, Spec.Load, seed, () => blank = blank with { ForeignCores = watch.ForeignCores(), ClientCores = watch.ClientCores() });
        if (before is not null)
        {
            Ceilings after = await Meter.MeasureAsync(ours);
            blank = blank with { Ceilings = Ceilings.Between(before, after), ReadDrift = Math.Abs(after.ReadBytes / before.ReadBytes - 1) };
        }
        return LoadSummary.Of(Spec, answers, blank);
    }

    // Nothing is read into the answers before the clocks have stopped.
    private static async Task<IReadOnlyList<AnswerTiming>> DriveAsync(StreamClient client, LoadPoint point, int seed, Action? done = null)
    {
        IReadOnlyList<LoadRequest> requests = point.Draw(seed);
        RecordedAnswer[] answers = await client.RunAsync(point, requests);
        done?.Invoke();
        return [.. requests.Zip(answers, AnswerTiming.Read)];
    }

    private static RunResult WithMemory(RunResult result, ServerProcess server)
    {
        (long peak, long anonymous) = server.Memory();
        return result with { PeakMemory = peak, AnonymousMemory = anonymous };
    }
}
