using System.Globalization;
using KServePaged.Serving.Machine;
using KServePaged.Serving.Models;
using KServePaged.Serving.Report;
using KServePaged.Serving.Servers;

namespace KServePaged.Serving;

/// <summary>Runs the points, servers in turn, and keeps each result as soon as it is there.</summary>
/// <param name="options">The command line.</param>
/// <param name="parts">Programs and directories.</param>
/// <param name="file">Where results go.</param>
internal sealed class Bench(BenchOptions options, BenchParts parts, ResultFile file)
{
    public const string Ours = "ours";

    private readonly QuietMachine _quiet = new(options.Foreign, TimeSpan.FromSeconds(options.PatienceSeconds));

    /// <returns>Whether every run gave figures.</returns>
    public async Task<bool> RunAsync()
    {
        bool whole = true;
        foreach (PointSpec spec in options.Points)
        {
            for (int round = 1; round <= options.Rounds; round++)
            {
                whole &= await RunRoundAsync(spec, round);
            }
        }
        return whole;
    }

    private async Task<bool> RunRoundAsync(PointSpec spec, int round)
    {
        HashSet<string> done = [.. file.Read().Where(result => result is { Error: null, Disturbed: false } && IsOf(result, spec, round)).Select(result => result.Server)];
        ServerCommand[] servers = [.. parts.Servers(spec.Format)];
        if (servers.All(server => done.Contains(server.Name)))
        {
            return true; // else all of them again: what is compared was measured one after the other
        }
        Func<int, string[]>[] commands = [.. servers.Select(server => Prepare(server, spec))];
        bool whole = true;
        foreach (int i in round % 2 == 1 ? Enumerable.Range(0, servers.Length) : Enumerable.Range(0, servers.Length).Reverse())
        {
            RunResult result = await MeasureAsync(spec, servers[i].Name, commands[i], Blank(spec, servers[i].Name, commands[i], round));
            file.Append(result);
            Console.Error.WriteLine(Line(result));
            whole &= result.Error is null;
        }
        return whole;
    }

    private Func<int, string[]> Prepare(ServerCommand server, PointSpec spec)
    {
        var model = new BenchModel(spec.Shape, Path.Combine(parts.Work, "models", spec.Shape.Name));
        string checkpoint = server.NeedsCheckpoint ? model.BuildCheckpoint() : "";
        string gguf = server.NeedsGguf ? model.BuildGguf(spec.Format.Peer) : "";
        return port => server.Fill(checkpoint, gguf, port, spec.Load.Streams, spec.Shape);
    }

    // A run that fails is a result too; the others go on.
    private async Task<RunResult> MeasureAsync(PointSpec spec, string server, Func<int, string[]> command, RunResult blank)
    {
        try
        {
            var meter = new CeilingMeter(parts.CeilingsProgram, _quiet, options.Tries);
            return await new Measurement(spec, server, command, _quiet, meter, options.Tries).RunAsync(blank);
        }
        catch (BenchException e)
        {
            return blank with { Error = e.Message };
        }
    }

    private static RunResult Blank(PointSpec spec, string server, Func<int, string[]> command, int round) => new()
    {
        Model = spec.Shape.Name,
        Format = spec.Format.Name,
        Point = spec.Load.Name,
        Streams = spec.Load.Streams,
        Server = server,
        Round = round,
        Time = DateTimeOffset.UtcNow,
        Machine = MachineName.Describe(),
        Command = string.Join(' ', command(0)),
    };

    private static bool IsOf(RunResult result, PointSpec spec, int round) =>
        result.Model == spec.Shape.Name && result.Format == spec.Format.Name && result.Point == spec.Load.Name && result.Round == round;

    private static string Limit(RunResult result) => result is { LimitShare: { } share, Ceilings: { } ceilings }
        ? string.Create(CultureInfo.InvariantCulture, $" {share:0 %} of limit ({ceilings.ReadBytes / 1e9:0} GB/s, drift {result.ReadDrift:0 %}),")
        : "";

    private static string Line(RunResult result) => result.Error is { } error
        ? $"{result.Model}/{result.Format}/{result.Point} {result.Server} failed: {error}"
        : string.Create(
            CultureInfo.InvariantCulture,
            $"{result.Model}/{result.Format}/{result.Point} round {result.Round} {result.Server}: {result.OutputRate:0} tok/s, first token {result.FirstToken?.P50:0} ms, start {result.StartSeconds:0.00} s,{Limit(result)} others {result.ForeignCores:0.00} cores{(result.Disturbed ? " (disturbed)" : "")}");
}
