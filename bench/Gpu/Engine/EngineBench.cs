using System.Diagnostics;
using System.Globalization;
using KServePaged.Engine;
using KServePaged.Engine.Configuration;
using KServePaged.Engine.Contracts;
using Microsoft.Extensions.Logging.Abstractions;

namespace KServePaged.Gpu.Engine;

/// <summary>The engine alone, no protocol before it, with random weights at real sizes: each point once, the next model after all points of one.</summary>
internal sealed class EngineBench(EngineBenchOptions options, TextWriter output)
{
    private const int FirstId = 3; // behind the specials
    private readonly Stopwatch _clock = Stopwatch.StartNew();

    // A point takes about so many times its least time; learnt from those before it.
    private double _slowness = 3;

    public async Task RunAsync()
    {
        double left = options.Models.Sum(WeightOf);
        foreach (ModelShape shape in options.Models)
        {
            double until = _clock.Elapsed.TotalSeconds + (options.Seconds - _clock.Elapsed.TotalSeconds) * WeightOf(shape) / left;
            left -= WeightOf(shape);
            await MeasureAsync(shape, until).ConfigureAwait(false);
        }
    }

    // A model's share of the time: the largest says most.
    private static double WeightOf(ModelShape shape) => shape.Name == "8B" ? 2 : 1;

    private async Task MeasureAsync(ModelShape shape, double until)
    {
        string folder = Path.Combine(WorkFor(shape), $"kservepaged-{shape.Name}-{Environment.ProcessId}");
        try
        {
            SyntheticCheckpoint.Write(shape, folder);
            ILlmEngine engine = await LlmEngine.LoadAsync(OptionsFor(folder), progress: null, NullLoggerFactory.Instance, CancellationToken.None).ConfigureAwait(false);
            await using (engine.ConfigureAwait(false))
            {
                Tell($"{shape.Name}: loaded after {_clock.Elapsed.TotalSeconds:0.0} s, cache of {(long)engine.Model.BlockCount * engine.Model.BlockTokens} tokens");
                await MeasureAsync(shape, engine, until).ConfigureAwait(false);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private string WorkFor(ModelShape shape)
    {
        const string Memory = "/dev/shm";
        long bytes = shape.Tensors.Sum(tensor => (long)tensor.Rows * tensor.Columns) * sizeof(ushort);
        return options.Work.Length > 0 ? options.Work
            : Directory.Exists(Memory) && new DriveInfo(Memory).AvailableFreeSpace > bytes + bytes / 8 ? Memory
            : Path.GetTempPath();
    }

    private EngineOptions OptionsFor(string folder) => new()
    {
        ModelPath = folder,
        Device = options.Device,
        EnablePrefixCaching = false,
        MaxSequences = options.Streams.Max(),
        MaxBatchedTokens = 8192,
        MixedPromptTokens = 8192,
    };

    private async Task MeasureAsync(ModelShape shape, ILlmEngine engine, double until)
    {
        long cacheTokens = (long)engine.Model.BlockCount * engine.Model.BlockTokens;
        // Without ceilings those of an H200 order the points and guess their times.
        var roofline = new Roofline(shape, options.Ceilings ?? new Ceilings(4.3e12, 790e12));
        EnginePoint[] points = [.. EnginePoint.Of(shape, options.Streams)
            .OrderBy(point => !point.IsFirst).ThenBy(point => roofline.RunSeconds(point, cacheTokens))];
        await RunAsync(engine, shape, points[0] with { OutputTokens = 4, Streams = options.Streams.Max() }).ConfigureAwait(false); // touches memory, loads kernels
        foreach (EnginePoint point in points)
        {
            if (point.PromptTokens + point.OutputTokens > engine.Model.MaxModelLength)
            {
                Say(EngineFigure.Skipped(shape.Name, point, $"the cache holds {engine.Model.MaxModelLength} tokens of a sequence"));
                continue;
            }
            double least = roofline.RunSeconds(point, cacheTokens);
            double guess = least * _slowness;
            if (_clock.Elapsed.TotalSeconds + guess > until)
            {
                Say(EngineFigure.Skipped(shape.Name, point, string.Create(CultureInfo.InvariantCulture, $"it would take about {guess:0} s")));
                continue;
            }
            Answer[] answers = await RunAsync(engine, shape, point).ConfigureAwait(false);
            EngineFigure figure = FigureOf(shape, point, answers, roofline, options.Ceilings is null ? null : least);
            _slowness = figure.Seconds / least;
            Say(figure.ToJson());
        }
    }

    private static EngineFigure FigureOf(ModelShape shape, EnginePoint point, Answer[] answers, Roofline roofline, double? least)
    {
        double[] first = [.. answers.Select(answer => answer.First - answer.Started).Order()];
        return new EngineFigure(
            shape.Name,
            point,
            Seconds: answers.Max(answer => answer.Last) - answers.Min(answer => answer.Started),
            FirstTokenSeconds: first[first.Length / 2],
            TokenSeconds: answers.Average(answer => answer.Decode) / (point.OutputTokens - 1),
            least,
            least is null ? null : roofline.StepSeconds(point.Streams, point.PromptTokens + point.OutputTokens / 2.0));
    }

    private async Task<Answer[]> RunAsync(ILlmEngine engine, ModelShape shape, EnginePoint point) =>
        await Task.WhenAll(Enumerable.Range(0, point.Streams).Select(stream => Task.Run(() => AskAsync(engine, shape, point, stream)))).ConfigureAwait(false);

    private async Task<Answer> AskAsync(ILlmEngine engine, ModelShape shape, EnginePoint point, int stream)
    {
        var random = new Random(stream);
        var request = new GenerationRequest
        {
            RequestId = $"{stream}",
            Prompt = new Prompt.TokenIds([.. Enumerable.Range(0, point.PromptTokens).Select(_ => random.Next(FirstId, shape.Vocab))]),
            Sampling = new SamplingParameters { Temperature = 0, MaxTokens = point.OutputTokens, IgnoreEos = true },
        };
        double started = Now;
        double first = 0;
        int tokens = 0;
        TimeSpan decode = default; // as the engine's steps saw it, not this reader
        await foreach (GenerationDelta delta in engine.GenerateAsync(request, CancellationToken.None).ConfigureAwait(false))
        {
            if (tokens == 0 && delta.TokenIds.Count > 0)
            {
                first = Now;
            }
            tokens += delta.TokenIds.Count;
            decode = delta.DecodeTime;
        }
        return tokens == point.OutputTokens
            ? new Answer(started, first, Now, decode.TotalSeconds)
            : throw new InvalidOperationException($"an answer of {tokens} tokens instead of {point.OutputTokens}");
    }

    private double Now => _clock.Elapsed.TotalSeconds;

    private void Say(string line)
    {
        output.WriteLine(line);
        output.Flush();
    }

    private static void Tell(FormattableString text) => Console.Error.WriteLine(text.ToString(CultureInfo.InvariantCulture));

    private readonly record struct Answer(double Started, double First, double Last, double Decode);
}
